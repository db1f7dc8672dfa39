import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { plainHeartbeat, readHeartbeat, readLeave } from './bodies.ts';

describe('readHeartbeat', () => {
  test.each([
    ['film', 'default/film'],
    ['sport/film', 'sport/film'],
    ['film.hd-1', 'default/film.hd-1'],
  ])('takes channel %s for %s', (channelId, expected) => {
    expect(readHeartbeat({ channelId, sessionId: 'anna' })).toEqual({ channelId: expected, sessionId: 'anna' });
  });

  test('keeps what a viewer says of the source, cut', () => {
    const { sourceError } = readHeartbeat({ channelId: 'film', sessionId: 'a', sourceError: 'x'.repeat(900) });
    expect(sourceError).toHaveLength(500);
  });

  test.each([
    [undefined, 'must be a JSON object'],
    [[], 'must be a JSON object'],
    [{ sessionId: 'a' }, 'channelId: '],
    [{ channelId: 'a/b/c', sessionId: 'a' }, 'channelId: must be'],
    [{ channelId: '../film', sessionId: 'a' }, 'channelId: must be'],
    [{ channelId: 'Film', sessionId: 'a' }, 'channelId: must be'],
    [{ channelId: 'film' }, 'sessionId: '],
    [{ channelId: 'film', sessionId: 'a b' }, 'sessionId: must have'],
    [{ channelId: 'film', sessionId: 7 }, 'sessionId: '],
    [{ channelId: 'film', sessionId: 'a', sourceError: 7 }, 'sourceError: '],
  ])('of %j says what is wrong', (body, message) => {
    expect(() => readHeartbeat(body)).toThrow(
      expect.objectContaining({ code: 'BODY_INVALID', status: 400, message: expect.stringContaining(message) }),
    );
  });

  test('never throws anything else', () => {
    fc.assert(
      fc.property(fc.anything(), (body) => {
        try {
          readHeartbeat(body);
        } catch (thrown) {
          expect(thrown).toMatchObject({ code: 'BODY_INVALID' });
        }
      }),
    );
  });
});

describe('plainHeartbeat', () => {
  test('takes what clients write nearly always, as the schema does', () => {
    const body = { channelId: 'sport/film.hd-1', sessionId: 'anna_7.~-' };
    expect(plainHeartbeat(JSON.stringify(body))).toEqual(body);
  });

  test('takes nothing of any body that the schema takes otherwise, or not', () => {
    const word = fc.stringMatching(/^[a-zA-Z0-9._~" /\\-]{0,8}$/);
    const ids = fc.oneof(
      word,
      fc.tuple(word, word).map(([namespace, name]) => `${namespace}/${name}`),
      fc.constant('sport/film'),
      fc.anything(),
    );
    const more = fc.constantFrom({}, { sourceError: 'x' }, { more: 1 });
    fc.assert(
      fc.property(ids, fc.oneof(word, fc.anything()), more, (channelId, sessionId, rest) => {
        const text = JSON.stringify({ channelId, sessionId, ...rest });
        const plain = plainHeartbeat(text);
        if (plain !== null) expect(readHeartbeat(JSON.parse(text))).toEqual(plain);
      }),
    );
  });
});

describe('readLeave', () => {
  test('reads the JSON text that sendBeacon sends as text/plain', () => {
    expect(readLeave('{"channelId":"film","sessionId":"anna"}')).toEqual({
      channelId: 'default/film',
      sessionId: 'anna',
    });
  });

  test('refuses text that is no JSON', () => {
    expect(() => readLeave('{')).toThrow(expect.objectContaining({ code: 'BODY_INVALID' }));
  });
});
