import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type ContainerView, crashesInARow, decide, type PodView, phaseOf, restartDelaySeconds } from './decide.ts';

const NEW: Omit<ContainerView, 'name' | 'role'> = {
  run: 'waiting',
  stopping: false,
  started: false,
  exitCode: null,
  notBeforeMs: 0,
};
const container = (name: string, role: ContainerView['role'], change: Partial<ContainerView> = {}): ContainerView => ({
  ...NEW,
  name,
  role,
  ...change,
});
const RUNS = { run: 'alive', started: true } as const;
const ended = (exitCode: number, notBeforeMs = 0) => ({ run: 'ended', exitCode, notBeforeMs }) as const;

function pod(containers: readonly ContainerView[], change: Partial<PodView> = {}): PodView {
  return { nowMs: 1000, restartPolicy: 'Always', initialized: false, ending: false, containers, ...change };
}

/** Actions as `start nginx`, and the time to wake up where there is one. */
function answer(view: PodView): string {
  const { actions, wakeAtMs } = decide(view);
  const words = actions.map((action) => (action.type === 'remove' ? 'remove' : `${action.type} ${action.name}`));
  return [...words, ...(wakeAtMs === null ? [] : [`wake ${wakeAtMs}`])].join(', ');
}

describe('a pod that starts', () => {
  const init = (change?: Partial<ContainerView>) => container('init', 'init', change);
  const sidecar = (change?: Partial<ContainerView>) => container('sidecar', 'sidecar', change);
  const one = (change?: Partial<ContainerView>) => container('one', 'main', change);
  const two = (change?: Partial<ContainerView>) => container('two', 'main', change);

  test.each<[string, PodView, string]>([
    ['main containers start together', pod([one(), two()]), 'start one, start two'],
    ['init containers go first', pod([init(), one()]), 'start init'],
    ['and are waited for', pod([init({ run: 'alive' }), one()]), ''],
    ['until they have succeeded', pod([init(ended(0)), one()]), 'start one'],
    ['one that failed is tried again', pod([init(ended(1)), one()]), 'start init'],
    ['but not at once', pod([init(ended(1, 4000)), one()]), 'wake 4000'],
    ['nor where the pod never restarts', pod([init(ended(1)), one()], { restartPolicy: 'Never' }), ''],
    ['a sidecar goes before the rest', pod([sidecar(), one()]), 'start sidecar'],
    ['which waits for its startup probe', pod([sidecar({ run: 'alive' }), one()]), ''],
    ['and not for its end', pod([sidecar(RUNS), one()]), 'start one'],
    ['an init container may follow a sidecar', pod([sidecar(RUNS), init(), one()]), 'start init'],
  ])('%s', (_, view, expected) => expect(answer(view)).toBe(expected));
});

describe('a pod that runs', () => {
  const running = (containers: readonly ContainerView[], change: Partial<PodView> = {}) =>
    pod(containers, { initialized: true, ...change });
  const sidecar = (change: Partial<ContainerView> = RUNS) => container('sidecar', 'sidecar', change);
  const main = (change: Partial<ContainerView> = RUNS) => container('main', 'main', change);

  test.each<[string, PodView, string]>([
    ['wants nothing', running([sidecar(), main()]), ''],
    ['restarts what has ended', running([sidecar(), main(ended(0))]), 'start main'],
    ['after its back-off', running([sidecar(), main(ended(1, 9000))]), 'wake 9000'],
    ['only after a failure, if it says so', running([main(ended(0))], { restartPolicy: 'OnFailure' }), ''],
    ['and then', running([main(ended(3))], { restartPolicy: 'OnFailure' }), 'start main'],
    ['restarts a sidecar', running([sidecar(ended(1)), main()]), 'start sidecar'],
    ['whatever the policy', running([sidecar(ended(0)), main()], { restartPolicy: 'Never' }), 'start sidecar'],
    ['and lets the others go on', running([sidecar({ run: 'alive' }), main(ended(1))]), 'start main'],
    [
      'ends its sidecars with its work',
      running([sidecar(), main(ended(0))], { restartPolicy: 'Never' }),
      'stop sidecar',
    ],
  ])('%s', (_, view, expected) => expect(answer(view)).toBe(expected));
});

describe('a pod that ends', () => {
  const ending = (...containers: readonly ContainerView[]) => pod(containers, { initialized: true, ending: true });
  const stopping = { ...RUNS, stopping: true };
  const first = (change: Partial<ContainerView>) => container('first', 'sidecar', change);
  const second = (change: Partial<ContainerView>) => container('second', 'sidecar', change);
  const main = (change: Partial<ContainerView>) => container('main', 'main', change);

  test.each<[string, PodView, string]>([
    ['stops its work first', ending(first(RUNS), second(RUNS), main(RUNS)), 'stop main'],
    ['waits for it', ending(first(RUNS), second(RUNS), main(stopping)), ''],
    ['then stops the last sidecar', ending(first(RUNS), second(RUNS), main(ended(0))), 'stop second'],
    ['then the first', ending(first(RUNS), second(ended(0)), main(ended(0))), 'stop first'],
    ['restarts nothing and goes', ending(first(ended(0)), second(ended(137)), main(ended(1))), 'remove'],
    ['goes at once if nothing was started', ending(first({}), second({}), main({})), 'remove'],
  ])('%s', (_, view, expected) => expect(answer(view)).toBe(expected));

  test('whatever state it is in, it stops each container once and is removed when all have ended', () => {
    const state = fc.record({
      role: fc.constantFrom('init' as const, 'sidecar' as const, 'main' as const),
      run: fc.constantFrom('waiting' as const, 'alive' as const, 'ended' as const),
    });
    fc.assert(
      fc.property(fc.array(state, { minLength: 1, maxLength: 6 }), (states) => {
        let containers = states.map((each, n) => container(`c${n}`, each.role, { run: each.run, exitCode: 0 }));
        const stopped: string[] = [];
        for (let round = 0; round <= states.length; round += 1) {
          const { actions } = decide(ending(...containers));
          if (actions.some(({ type }) => type === 'remove')) break;
          const names = actions.flatMap((action) => (action.type === 'stop' ? [action.name] : []));
          stopped.push(...names);
          containers = containers.map((each) =>
            names.includes(each.name) ? { ...each, run: 'ended' as const } : each,
          );
        }
        const alive = states.flatMap(({ run }, n) => (run === 'alive' ? [`c${n}`] : []));
        expect(stopped.toSorted()).toEqual(alive);
        expect(decide(ending(...containers)).actions).toEqual([{ type: 'remove' }]);
      }),
      { numRuns: 200 },
    );
  });
});

describe('phaseOf', () => {
  const main = (change: Partial<ContainerView>) => container('main', 'main', change);
  test.each<[string, PodView]>([
    ['Pending', pod([container('init', 'init', { run: 'alive' }), main({})])],
    ['Running', pod([main(RUNS)], { initialized: true })],
    ['Running', pod([main(ended(1))], { initialized: true })],
    ['Succeeded', pod([main(ended(0))], { initialized: true, restartPolicy: 'Never' })],
    ['Failed', pod([main(ended(137))], { initialized: true, restartPolicy: 'Never' })],
    ['Failed', pod([container('init', 'init', ended(2)), main({})], { restartPolicy: 'Never' })],
  ])('%s', (phase, view) => expect(phaseOf(view)).toBe(phase));
});

test('the first restart comes at once, the next after 10 s, doubled up to five minutes', () => {
  expect([1, 2, 3, 4, 5, 6, 7, 100].map(restartDelaySeconds)).toEqual([0, 10, 20, 40, 80, 160, 300, 300]);
});

test('ten minutes of running make up for what was before', () => {
  expect(crashesInARow(5, 599_999)).toBe(6);
  expect(crashesInARow(5, 600_000)).toBe(1);
});
