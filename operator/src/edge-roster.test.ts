import { beforeEach, describe, expect, test } from '@jest/globals';
import { EdgeRoster } from './edge-roster.ts';
import { endpointSliceSchema } from './link/endpoints.ts';

describe('the roster of edges', () => {
  let slices: ReturnType<typeof endpointSliceSchema.parse>[];
  let moves: number;
  let roster: EdgeRoster;

  const slice = (...uids: string[]) =>
    endpointSliceSchema.parse({
      metadata: { name: 'edge', namespace: 'sluice' },
      ports: [
        { name: 'internal', port: 8081 },
        { name: 'link', port: 8443 },
      ],
      endpoints: uids.map((uid) => ({ addresses: ['10.0.0.1'], targetRef: { kind: 'Pod', name: `edge-${uid}`, uid } })),
    });
  const terminating = (): string[] => roster.edges.filter((edge) => edge.terminating).map(({ podUid }) => podUid);

  beforeEach(() => {
    slices = [slice('a', 'b')];
    moves = 0;
    const store = { list: () => slices };
    roster = new EdgeRoster(
      { store } as never,
      () => ({ setEdges: () => {} }),
      () => {
        moves += 1;
      },
    );
    roster.dial();
    moves = 0;
  });

  test('counts an edge as terminating from the moment on that it says so', () => {
    roster.connected('a', 'first');
    roster.leaving('a');
    expect(terminating()).toEqual(['a']);
    roster.leaving('a');
    expect(moves).toBe(1);
    roster.changed();
    expect(terminating()).toEqual(['a']);
  });

  test('believes it over a reconnect, and no longer of another process in the pod', () => {
    roster.connected('a', 'first');
    roster.leaving('a');
    roster.connected('a', 'first');
    expect(terminating()).toEqual(['a']);
    roster.connected('a', 'second');
    expect(terminating()).toEqual([]);
    expect(moves).toBe(2);
  });

  test('forgets an edge whose pod is gone', () => {
    roster.leaving('a');
    slices = [slice('b')];
    roster.changed();
    slices = [slice('a', 'b')];
    roster.changed();
    expect(terminating()).toEqual([]);
  });
});
