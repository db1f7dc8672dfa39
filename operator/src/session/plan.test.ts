import { describe, expect, test } from '@jest/globals';
import type { SessionReport } from '@sluice/common/link/owner-report.ts';
import type { StreamSession, StreamSessionStatus } from '@sluice/crds';
import { buildSession } from '../channel/build/session.ts';
import { POD, type Pod } from '../kinds.ts';
import { ATTEMPT_LABEL } from '../labels.ts';
import { channelFixture, sessionReportFixture } from '../testing/fixtures.ts';
import { ADMITTED, type Verdict } from './admission/admit.ts';
import { planSession, rememberSession, type SessionMemory, type SessionPlan } from './plan.ts';

const NOW = Date.parse('2026-11-21T12:00:00.000Z');
const RUNG = { name: '480p', height: 480, bitrateBps: 1_200_000, audioBitrateBps: 128_000 };
const FRESH: SessionMemory = {
  attempt: 0,
  madeMs: 0,
  seen: false,
  countedAttempt: 0,
  gpuRefusal: null,
  failuresMs: [],
};
const FIRST: SessionMemory = { ...FRESH, attempt: 1, madeMs: NOW - 60_000, seen: true };

function session(status?: StreamSessionStatus): StreamSession {
  const built = buildSession(channelFixture(), 'film-1', [RUNG]);
  return { ...built, metadata: { ...built.metadata, uid: 's1' }, ...(status === undefined ? {} : { status }) };
}

function pod(attempt: number, status: object = { phase: 'Running' }, deleted = false, nodeName = 'n1'): Pod {
  return POD.parse({
    metadata: {
      name: `film-1-${attempt}`,
      namespace: 'tv',
      labels: { [ATTEMPT_LABEL]: String(attempt) },
      ...(deleted ? { deletionTimestamp: '2026-11-21T12:00:00Z' } : {}),
    },
    spec: { nodeName },
    status,
  });
}

interface Scene {
  nowMs?: number;
  session?: StreamSession;
  pods?: Pod[];
  report?: SessionReport | null;
  heard?: boolean;
  refusal?: string;
  memory?: SessionMemory;
  admission?: Verdict;
}

function plan(scene: Scene): SessionPlan {
  return planSession({
    nowMs: scene.nowMs ?? NOW,
    session: scene.session ?? session(),
    pods: scene.pods ?? [],
    report: scene.report ?? null,
    heard: scene.heard ?? true,
    refusal: scene.refusal === undefined ? null : { sinceMs: NOW, message: scene.refusal, gpuRefusal: null },
    memory: scene.memory ?? FRESH,
    admission: scene.admission ?? ADMITTED,
  });
}

const FAILED = {
  phase: 'Failed',
  containerStatuses: [
    { name: 'agent', state: { terminated: { exitCode: 3, reason: 'Error', message: 'no encoder works' } } },
  ],
};

describe('the plan for a session', () => {
  test('begins with the first pod', () => {
    const { createAttempt, memory, status } = plan({});
    expect([createAttempt, memory.attempt, memory.seen]).toEqual([1, 1, false]);
    expect(status).toMatchObject({ phase: 'Pending', podName: 'film-1-1', attempt: 1, restarts: 0 });
  });

  test('makes no pod while the limits allow none, and says what it waits for', () => {
    const admission: Verdict = { admitted: false, scope: 'owner', owner: 'owner alice', limit: 5, current: 5 };
    const { createAttempt, wakeAfterSeconds, status } = plan({ admission });
    expect([createAttempt, wakeAfterSeconds]).toEqual([null, null]);
    expect(status).toMatchObject({ phase: 'Pending', restarts: 0 });
    expect(status.conditions?.map(({ type, status: holds, reason }) => [type, holds, reason])).toEqual([
      ['Admitted', 'False', 'StreamLimitExceeded'],
      ['PodScheduled', 'Unknown', 'NotScheduled'],
      ['Ready', 'False', 'StreamLimitExceeded'],
      ['Succeeded', 'Unknown', 'Working'],
    ]);
    const message = '5 StreamSessions of owner alice run, and the limit is 5: this one starts when one of them ends';
    expect(status.conditions?.[0]?.message).toBe(message);
    expect(status.podName).toBeUndefined();
  });

  test('waits for a pod that was made a moment ago, and makes the same one again if it does not show up', () => {
    const memory = { ...FRESH, attempt: 1, madeMs: NOW };
    expect(plan({ memory, nowMs: NOW + 4_000 })).toMatchObject({ createAttempt: null, wakeAfterSeconds: 6 });
    expect(plan({ memory, nowMs: NOW + 10_000 }).createAttempt).toBe(1);
  });

  test('replaces a pod that has vanished', () => {
    const vanished = plan({ memory: FIRST });
    expect(vanished).toMatchObject({ createAttempt: null, wakeAfterSeconds: 1 });
    expect(plan({ memory: vanished.memory, nowMs: NOW + 1_000 })).toMatchObject({
      createAttempt: 2,
      memory: { seen: false },
    });
  });

  test('replaces a pod that leaves at once: it works until its successor is listed', () => {
    const { createAttempt, memory } = plan({ pods: [pod(1, { phase: 'Running' }, true)], memory: FIRST });
    expect([createAttempt, memory.failuresMs]).toEqual([2, []]);
  });

  test('makes one pod in five seconds at most where somebody deletes each at once', () => {
    const memory = { ...FIRST, madeMs: NOW - 1_000 };
    const pods = [pod(1, { phase: 'Pending' }, true)];
    expect(plan({ pods, memory })).toMatchObject({ createAttempt: null, wakeAfterSeconds: 4 });
    expect(plan({ pods, memory, nowMs: NOW + 4_000 }).createAttempt).toBe(2);
  });

  test('replaces a failed pod even if its failure is too long ago to count', () => {
    const memory = { ...FIRST, countedAttempt: 1, failuresMs: [NOW - 700_000] };
    expect(plan({ pods: [pod(1, FAILED)], memory }).createAttempt).toBe(2);
  });

  test('says why the API server allows no pod, and shows none', () => {
    const { status, createAttempt } = plan({ refusal: 'exceeded quota: pods' });
    expect(createAttempt).toBe(1);
    expect(status).toMatchObject({ phase: 'Pending', restarts: 0 });
    expect(status.podName).toBeUndefined();
    expect(status.conditions).toContainEqual(
      expect.objectContaining({
        type: 'Ready',
        status: 'False',
        reason: 'PodRefused',
        message: 'the API server allows no pod: exceeded quota: pods',
      }),
    );
  });

  test('waits longer after each failure, and counts each pod once', () => {
    const first = plan({ pods: [pod(1, FAILED)], memory: FIRST });
    expect([first.createAttempt, first.wakeAfterSeconds, first.memory.failuresMs]).toEqual([null, 1, [NOW]]);
    const again = plan({ pods: [pod(1, FAILED)], memory: first.memory, nowMs: NOW + 500 });
    expect([again.wakeAfterSeconds, again.memory.failuresMs]).toEqual([0.5, [NOW]]);
    const second = { ...first.memory, attempt: 2, seen: true };
    const later = plan({ pods: [pod(1, FAILED), pod(2, FAILED)], memory: second, nowMs: NOW + 5_000 });
    expect([later.wakeAfterSeconds, later.memory.failuresMs.length]).toEqual([2, 2]);
  });

  test('gives up after five failures within ten minutes and says what the last one was', () => {
    const failuresMs = [1, 2, 3, 4].map((minute) => NOW - minute * 100_000).reverse();
    const memory = { ...FIRST, attempt: 5, countedAttempt: 4, failuresMs };
    const { createAttempt, status } = plan({ pods: [pod(5, FAILED)], memory });
    expect([createAttempt, status.phase]).toEqual([null, 'Failed']);
    const succeeded = status.conditions?.find(({ type }) => type === 'Succeeded');
    expect(succeeded?.message).toBe(
      '5 pods failed within ten minutes, the last: the agent exited with 3 (no encoder works)',
    );
  });

  test('forgives failures that are further apart', () => {
    const failuresMs = [11, 12, 13, 14].map((minute) => NOW - minute * 60_000).reverse();
    const memory = { ...FIRST, attempt: 5, countedAttempt: 4, failuresMs };
    expect(plan({ pods: [pod(5, FAILED)], memory }).memory.failuresMs).toEqual([NOW]);
  });

  test('keeps the log of the last failed pod and deletes older ones', () => {
    const pods = [pod(1, FAILED), pod(2, FAILED), pod(3)];
    expect(plan({ pods, memory: { ...FIRST, attempt: 3 } }).deletePods).toEqual(['film-1-1']);
  });

  test('touches a session no more that has ended', () => {
    const ended = session({ phase: 'Failed', attempt: 5 });
    expect(plan({ session: ended, memory: rememberSession(ended) })).toMatchObject({
      createAttempt: null,
      status: ended.status,
      wakeAfterSeconds: null,
    });
  });

  test('goes on with the pods that it finds after a restart', () => {
    const running = session({ phase: 'Running', attempt: 2 });
    const memory = rememberSession(running);
    expect(plan({ session: running, memory, pods: [pod(1, FAILED), pod(2)] }).createAttempt).toBeNull();
    expect(plan({ session: running, memory, pods: [pod(2)], heard: false }).status).toEqual(running.status);
    expect(plan({ session: session(), pods: [pod(1)] }).memory).toMatchObject({ attempt: 1, seen: true });
  });

  const late = sessionReportFixture({ state: 'Late', message: 'speed 0.7' });
  const feeding = sessionReportFixture({ state: 'Feeding', message: 'speed 0.9' });
  const aligned = sessionReportFixture({ state: 'Aligned' });
  const WAITS = {
    node: 'pod film-1-1 waits for the scheduler to choose a node',
    kubelet: 'pod film-1-1 waits for node n1 to pull its image and mount Secret film-1',
    agent: 'pod film-1-1 on node n1 has not reached the owner edge yet',
    segments: 'pod film-1-1 on node n1 encodes; three segments of every rung must arrive in time; it says: speed 0.9',
    owner: 'pod film-1-1 on node n1 delivers in time; the owner edge lists it next',
  };
  const stuck = {
    phase: 'Pending',
    conditions: [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: 'no node' }],
  };
  const image = {
    phase: 'Pending',
    containerStatuses: [{ name: 'agent', state: { waiting: { reason: 'ImagePullBackOff', message: 'not found' } } }],
  };
  const creating = {
    phase: 'Pending',
    containerStatuses: [{ name: 'agent', state: { waiting: { reason: 'ContainerCreating' } } }],
  };
  const states: readonly [string, object, SessionReport | null, string, string][] = [
    ['cannot be scheduled', stuck, null, 'Pending', 'False Unschedulable pod film-1-1: no node'],
    ['has no image', image, null, 'Pending', 'False ImagePullBackOff pod film-1-1: not found'],
    ['is being created', creating, null, 'Pending', `Unknown WaitingForKubelet ${WAITS.kubelet}`],
    ['runs and has not called', { phase: 'Running' }, null, 'Starting', `Unknown WaitingForAgent ${WAITS.agent}`],
    ['encodes', { phase: 'Running' }, feeding, 'Starting', `Unknown WaitingForSegments ${WAITS.segments}`],
    ['delivers in time', { phase: 'Running' }, aligned, 'Starting', `Unknown WaitingForSwitch ${WAITS.owner}`],
    ['delivers', { phase: 'Running' }, sessionReportFixture(), 'Running', 'True Live viewers get the segments'],
    ['is late', { phase: 'Running' }, late, 'Starting', 'False Late speed 0.7'],
    ['has ended as asked', { phase: 'Succeeded' }, null, 'Completed', 'Unknown Ended pod film-1-1 has ended'],
  ];
  test('says that the pod has no node yet', () => {
    const conditions = plan({ pods: [pod(1, creating, false, '')], memory: FIRST }).status.conditions;
    expect(conditions?.find(({ type }) => type === 'Ready')).toMatchObject({
      reason: 'WaitingForNode',
      message: WAITS.node,
    });
  });

  test.each(states)('says that the pod %s', (_name, status, report, phase, ready) => {
    const planned = plan({ pods: [pod(1, status)], memory: FIRST, report });
    const condition = planned.status.conditions?.find(({ type }) => type === 'Ready');
    expect(planned.status.phase).toBe(phase);
    expect(`${condition?.status} ${condition?.reason} ${condition?.message}`).toBe(ready);
  });

  test('shows progress, encoder and dropped rungs', () => {
    const report = sessionReportFixture({ speed: 1.234, outTimeSeconds: 12.9, droppedRungs: ['480p'] });
    expect(plan({ pods: [pod(1)], memory: FIRST, report }).status).toMatchObject({
      encoder: 'libx264',
      progress: { speedMilli: 1234, outTimeSeconds: 12 },
      droppedRungs: ['480p'],
    });
  });
});
