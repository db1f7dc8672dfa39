import { describe, expect, test } from '@jest/globals';
import type { Channel, ChannelStatus } from '@sluice/crds';
import type { JsonObject } from '../runtime/memory/fields.ts';
import { channelFixture } from '../testing/fixtures.ts';
import { createStandaloneStore } from './api/kinds.ts';
import { channelLine, createTerminal, followChannels, summaryOf } from './terminal.ts';

function channel(status: object): Channel {
  return { ...channelFixture(), status: status as ChannelStatus };
}

const ready = { type: 'Ready', status: 'True', reason: 'Ready', message: '', lastTransitionTime: '' };
const decided = { at: '', from: 'Direct', to: 'Proxy', reason: '2 viewers have reached the threshold' };

describe('the line of a channel', () => {
  test.each<[string, object, string]>([
    [
      'a mode with its reason',
      { mode: 'Proxy', viewers: { count: 2, peak: 2, state: 'Known' }, decisions: [decided], conditions: [ready] },
      'Proxy     2 viewers   2 viewers have reached the threshold',
    ],
    ['one viewer', { mode: 'Direct', viewers: { count: 1, peak: 1, state: 'Known' } }, 'Direct    1 viewer'],
    [
      'an unknown count, which is not zero',
      { mode: 'Idle', viewers: { count: 0, peak: 0, state: 'Unknown' } },
      'Idle      viewers unknown',
    ],
    [
      'what is missing goes before the last decision',
      {
        mode: 'Idle',
        viewers: { count: 0, peak: 0, state: 'Known' },
        decisions: [decided],
        conditions: [{ ...ready, status: 'False', message: 'no edge pod is ready' }],
      },
      'Idle      0 viewers   no edge pod is ready',
    ],
  ])('%s', (_name, status, expected) => {
    expect(channelLine(channel(status)).text).toBe(`tv/film              ${expected}`);
  });

  test('of all channels says mode, viewers and reason, of those that are watched first', () => {
    const viewers = { count: 1, peak: 1, state: 'Known' };
    const line = channelLine(channel({ mode: 'Direct', viewers, decisions: [decided] }));
    const idle = { mode: 'Idle', text: '', summary: 'tv/news Idle, 0 viewers' };
    expect(summaryOf([idle, line])).toBe(
      'tv/film Direct, 1 viewer (2 viewers have reached the threshold) | tv/news Idle, 0 viewers',
    );
  });
});

test('a line for each change of a channel, and none for what nobody sees', () => {
  const store = createStandaloneStore(Date.now);
  const lines: string[] = [];
  const summaries: string[] = [];
  const { metadata: _metadata, ...film } = channelFixture();
  const kind = store.kinds.find(({ plural }) => plural === 'channels');
  if (kind === undefined) throw new Error('no channels');
  const terminal = {
    colour: false,
    write: (line: string) => void lines.push(line),
    status: (text: string) => void summaries.push(text),
    end: () => {},
  };
  const stop = followChannels(store, terminal, () => 0);
  const status = (value: object) => {
    const object = { ...film, metadata: { name: 'film', namespace: 'tv' } } as unknown as JsonObject;
    store.apply(kind, 'object', object, 'test');
    store.apply(kind, 'status', { ...object, status: value }, 'test');
  };
  status({ mode: 'Idle', viewers: { count: 0, peak: 0, state: 'Known' } });
  status({ mode: 'Idle', viewers: { count: 0, peak: 9, state: 'Known' } });
  status({ mode: 'Direct', viewers: { count: 1, peak: 9, state: 'Known' } });
  store.delete(kind, 'tv', 'film', undefined);
  stop();
  expect(lines.map((line) => line.replace(/^\S+ +/, '').replace(/ +/g, ' '))).toEqual([
    'tv/film Idle 0 viewers',
    'tv/film Direct 1 viewer',
    'tv/film is deleted',
  ]);
  expect(summaries.at(-1)).toBe('');
});

describe('a terminal', () => {
  test('keeps the last line last and within its width', () => {
    let written = '';
    const terminal = createTerminal({ isTTY: true, columns: 10, write: (text) => (written += text) });
    terminal.status('film Proxy, 2 viewers');
    terminal.write('a log');
    terminal.end();
    expect(written).toBe('\r\x1b[Kfilm Prox' + '\r\x1b[Ka log\nfilm Prox' + '\r\x1b[K');
  });

  test('that does not know its width gets a line that fits into most', () => {
    let written = '';
    const terminal = createTerminal({ isTTY: true, columns: 0, write: (text) => (written += text) });
    terminal.status('x'.repeat(200));
    expect(written).toBe(`\r\x1b[K${'x'.repeat(79)}`);
  });

  test('gives a file nothing but lines', () => {
    let written = '';
    const terminal = createTerminal({ write: (text) => (written += text) });
    terminal.status('film');
    terminal.write('a log');
    terminal.end();
    expect([written, terminal.colour]).toEqual(['a log\n', false]);
  });
});
