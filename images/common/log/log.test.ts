import { describe, expect, test } from '@jest/globals';
import { createLogger, redactUri } from './log.ts';

/** Collects the lines that a logger writes, parsed. */
function collector() {
  const lines: Record<string, unknown>[] = [];
  return { lines, write: (line: string) => void lines.push(JSON.parse(line)) };
}

describe('createLogger', () => {
  test('writes level as a word, the name and an RFC 3339 time', () => {
    const sink = collector();
    createLogger({ name: 'edge', level: 'info' }, sink).info({ channel: 'default/film' }, 'channel applied');
    expect(sink.lines[0]).toMatchObject({
      level: 'info',
      name: 'edge',
      msg: 'channel applied',
      channel: 'default/film',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
    });
  });

  test('says in every line which one of its kind the program is', () => {
    const sink = collector();
    createLogger({ name: 'agent', level: 'info', fields: { session: 'tv/film-1', pod: 'film-1-2' } }, sink).info('on');
    expect(sink.lines[0]).toMatchObject({ name: 'agent', session: 'tv/film-1', pod: 'film-1-2', msg: 'on' });
  });

  test('leaves out what is below its level', () => {
    const sink = collector();
    createLogger({ name: 'edge', level: 'warn' }, sink).info('quiet');
    expect(sink.lines).toEqual([]);
  });

  test('redacts credentials at the top and two objects deep', () => {
    const sink = collector();
    const log = createLogger({ name: 'edge', level: 'info' }, sink);
    log.info(
      { token: 'abc', route: { source: { headers: { Cookie: 'abc' } } }, request: { authorization: 'abc' } },
      'x',
    );
    expect(JSON.stringify(sink.lines)).not.toContain('abc');
  });

  test('keeps the code of an error', () => {
    const sink = collector();
    const failure = Object.assign(new Error('no answer'), { code: 'ECONNREFUSED' });
    createLogger({ name: 'edge', level: 'info' }, sink).error({ err: failure }, 'poll failed');
    expect(sink.lines[0]).toMatchObject({ err: { message: 'no answer', code: 'ECONNREFUSED' } });
  });

  test('refuses a level it does not know', () => {
    expect(() => createLogger({ name: 'edge', level: 'loud' })).toThrow(/loud/);
  });
});

describe('redactUri', () => {
  test.each([
    ['http://example.com/film/index.m3u8', 'http://example.com/film/index.m3u8'],
    ['https://user:secret@example.com:8443/a.m3u8?token=secret#x', 'https://example.com:8443/a.m3u8?…'],
    ['secret', '(not a URL)'],
  ])('%s becomes %s', (uri, expected) => {
    expect(redactUri(uri)).toBe(expected);
  });
});
