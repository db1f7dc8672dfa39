import { describe, expect, test } from '@jest/globals';
import { spoiled } from '@sluice/common/corpus/mutations.testing.ts';
import { factsFixture } from '@sluice/common/link/facts.testing.ts';
import { type EdgeMessage, type OperatorMessage, operatorMessageSchema } from '@sluice/common/link/messages.ts';
import { parseEdgeMessage } from '@sluice/operator/link/edge-link.ts';
import fc from 'fast-check';
import { followerMessageSchema, ownerMessageSchema, readMessage } from '../replication/messages.ts';
import { testRoute } from '../testing/route.ts';
import { readFrame } from './peer.ts';

const HASH = '0123456789abcdef';
const uid = '11112222-3333-4444-5555-666677778888';

/** One of each kind that the operator sends. */
const FROM_OPERATOR: readonly OperatorMessage[] = [
  { type: 'hello', term: 3, signature: 'c2lnbmF0dXJl' },
  {
    type: 'snapshot',
    routes: [testRoute('https://host/a.m3u8', { owners: [{ podName: 'p', podUid: 'u', address: '10.0.0.1:8081' }] })],
    audiences: [{ uid, viewers: 1, peak: 2, state: 'known', mode: 'Proxy', reason: 'because' }],
  },
  { type: 'route', route: testRoute('https://host/a.m3u8', { resume: { epoch: 1, lastMsn: 2 } }) },
  { type: 'remove', uid },
  { type: 'leave', uid, ids: [HASH], secondsAgo: 1 },
  { type: 'admission', uid, admitted: [HASH], refused: [], undecided: [HASH] },
];

const health = { state: 'down', reason: 'SourceTimeout', message: 'The source does not answer' } as const;

/** One of each kind that an edge sends. */
const FROM_EDGE: readonly EdgeMessage[] = [
  { type: 'challenge', nonce: 'n', podName: 'p', podUid: 'u', instance: 'i', restartedSecondsAgo: 3 },
  { type: 'refused', code: 'TERM_SUPERSEDED', message: 'no' },
  { type: 'viewers', uid, snapshot: true, joined: [{ id: HASH, trusted: true }], left: [HASH] },
  { type: 'admit', uid, ids: [HASH], holdSeconds: 30, provisional: false, letIn: true },
  { type: 'sourceError', uid, message: 'x' },
  {
    type: 'report',
    report: {
      ...{ uid, ownerTerm: 1, activeMode: 'Proxy', epoch: 1, lastMsn: 7, facts: factsFixture(), health },
      ...{ directObstacle: { reason: 'NoCors', message: 'x' }, transcodeObstacle: null, session: null },
    },
  },
  { type: 'load', egressBitsPerSecond: 1.5, requestsPerSecond: null },
  { type: 'synced' },
];

const texts = (messages: readonly object[]): ReadonlyMap<string, Buffer> =>
  new Map(messages.map((message, index) => [String(index), Buffer.from(JSON.stringify(message))]));

/** Bytes after which another field of a message has begun, more or less. */
const FIELD_BYTES = 16;

/** Numbers and texts that fit into JSON and not into much else. */
const anyJson = fc.jsonValue({ maxDepth: 3 });

describe('messages of the link', () => {
  test.each(FROM_OPERATOR)('are read as the operator has written them: $type', (message) => {
    expect(readFrame(Buffer.from(JSON.stringify(message)), false)).toEqual({ kind: 'message', message });
  });

  test.each(FROM_EDGE)('are read as the edge has written them: $type', (message) => {
    expect(parseEdgeMessage(JSON.stringify(message))).toEqual(message);
  });

  test('that are spoiled are told to be bad by an edge, or fit what the protocol says', () => {
    const bytes = fc.oneof(
      spoiled(texts(FROM_OPERATOR), FIELD_BYTES),
      anyJson.map((value) => Buffer.from(JSON.stringify(value))),
    );
    fc.assert(
      fc.property(bytes, (data) => {
        const frame = readFrame(data, false);
        if (frame.kind === 'message') expect(operatorMessageSchema.safeParse(frame.message).success).toBe(true);
        if (frame.kind === 'bad') expect(frame.why.length).toBeLessThan(1_000);
      }),
    );
  });

  test('that are spoiled end the link with the one error of the operator', () => {
    const bytes = fc.oneof(
      spoiled(texts(FROM_EDGE), FIELD_BYTES),
      anyJson.map((value) => Buffer.from(JSON.stringify(value))),
    );
    fc.assert(
      fc.property(bytes, (data) => {
        try {
          parseEdgeMessage(data.toString());
        } catch (error) {
          expect(error).toMatchObject({ name: 'SluiceError', code: 'LINK_MESSAGE_INVALID' });
          expect((error as Error).message.length).toBeLessThan(1_000);
        }
      }),
    );
  });

  test('between edges are null where they are spoiled, and nothing is thrown', () => {
    const beats = [
      { type: 'subscribe', uid, term: 1, have: { nextMsn: 3, digest: 'd' } },
      { type: 'update', uid, term: 1, ready: true, log: null },
      { type: 'gone', uid, owners: [{ podName: 'p', podUid: 'u', address: 'a' }] },
    ];
    fc.assert(
      fc.property(spoiled(texts(beats), FIELD_BYTES), (data) => {
        for (const schema of [followerMessageSchema, ownerMessageSchema]) {
          const message = readMessage<unknown>(schema, data);
          if (message !== null) expect(readMessage<unknown>(schema, JSON.stringify(message))).toEqual(message);
        }
      }),
    );
  });
});
