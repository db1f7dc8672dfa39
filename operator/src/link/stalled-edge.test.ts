import { afterEach, expect, jest, test } from '@jest/globals';
import { createLogger } from '@sluice/common/log/log.ts';
import { makeEdgeKeys, makeOperatorKeys } from '../keys/link-keys.ts';
import { FakeEdge } from './fake-edge.ts';
import { LinkHub } from './hub.ts';

const PING_MS = 5_000;

afterEach(() => {
  jest.useRealTimers();
});

test('an edge that stands still is given up after two pings without an answer, and dialled again', async () => {
  // Only the pings are the test's own: sockets and TLS keep their time.
  jest.useFakeTimers({
    doNotFake: ['setTimeout', 'setImmediate', 'nextTick', 'queueMicrotask', 'Date', 'performance'],
  });
  const { 'operator.key': operatorKey } = makeOperatorKeys();
  const keys = await makeEdgeKeys(operatorKey, Date.now());
  const edge = await FakeEdge.start(keys, 'one');
  const lost = Promise.withResolvers<string>();
  const hub = new LinkHub({
    identity: { edgeCertificate: keys['tls.crt'], operatorKey },
    term: () => 7,
    log: createLogger({ name: 'test', level: 'silent' }),
    random: () => 0,
    counts: () => true,
    events: {
      seen: () => {},
      connected: () => {},
      message: () => {},
      lost: ({ podUid }) => lost.resolve(podUid),
      gone: () => {},
    },
  });
  try {
    hub.setEdges([edge.endpoint()]);
    await edge.until(() => edge.received.length === 2);
    edge.stall();
    jest.advanceTimersByTime(2 * PING_MS);
    expect(await lost.promise).toBe('one');
    await edge.until(() => edge.received.length === 4);
    expect(edge.received.map(({ type }) => type)).toEqual(['hello', 'snapshot', 'hello', 'snapshot']);
  } finally {
    hub.close();
    await edge.close();
  }
});
