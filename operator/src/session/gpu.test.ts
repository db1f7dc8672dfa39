import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { buildSession } from '../channel/build/session.ts';
import { POD, type Pod } from '../kinds.ts';
import { ATTEMPT_LABEL, GPU_REFUSAL_ANNOTATION } from '../labels.ts';
import { channelFixture, sessionReportFixture } from '../testing/fixtures.ts';
import { ADMITTED } from './admission/admit.ts';
import { fallbackEvent } from './build/acceleration.ts';
import { type ObservedSession, planSession, rememberSession, type SessionPlan } from './plan.ts';

const NOW = Date.parse('2026-11-21T12:00:00.000Z');
const NO_NODE = '0/2 nodes are available: 2 Insufficient nvidia.com/gpu.';
const RUNG = { name: '480p', height: 480, bitrateBps: 1_200_000, audioBitrateBps: 128_000 };
const CHANNEL = channelFixture({ transcode: { gpu: { waitSeconds: 20 } } });
const SESSION = (() => {
  const built = buildSession(CHANNEL, 'film-1', [RUNG]);
  return { ...built, metadata: { ...built.metadata, uid: 's1' } };
})();
const ASKED = {
  attempt: 1,
  madeMs: NOW - 5_000,
  seen: true,
  countedAttempt: 0,
  gpuRefusal: null,
  failuresMs: [],
};

const UNSCHEDULED = {
  phase: 'Pending',
  conditions: [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: NO_NODE }],
};
const RUNNING = { phase: 'Running' };
const NO_DEVICE = { phase: 'Failed', reason: 'UnexpectedAdmissionError', message: 'Allocate failed' };
const CRASHED = { phase: 'Failed', containerStatuses: [{ name: 'agent', state: { terminated: { exitCode: 1 } } }] };

function pod(attempt: number, status: object, metadata: { refusal?: string; deleted?: boolean } = {}): Pod {
  const { refusal, deleted = false } = metadata;
  return POD.parse({
    metadata: {
      name: `film-1-${attempt}`,
      namespace: 'tv',
      labels: { [ATTEMPT_LABEL]: String(attempt) },
      creationTimestamp: '2026-11-21T11:59:55Z',
      ...(refusal === undefined ? {} : { annotations: { [GPU_REFUSAL_ANNOTATION]: refusal } }),
      ...(deleted ? { deletionTimestamp: '2026-11-21T12:00:00Z' } : {}),
    },
    status,
  });
}

function plan(scene: Partial<ObservedSession>): SessionPlan {
  const quiet = {
    nowMs: NOW,
    session: SESSION,
    pods: [],
    report: null,
    heard: true,
    refusal: null,
    admission: ADMITTED,
    memory: ASKED,
  };
  return planSession({ ...quiet, ...scene });
}

function acceleration({ status }: SessionPlan): string {
  const condition = status.conditions?.find(({ type }) => type === 'Accelerated');
  return `${condition?.status} ${condition?.reason} ${condition?.message}`;
}

describe('a session that asks for a GPU', () => {
  test('waits for one as long as the Channel says, and quotes the scheduler meanwhile', () => {
    const waiting = plan({ pods: [pod(1, UNSCHEDULED)] });
    expect(waiting).toMatchObject({ createAttempt: null, wakeAfterSeconds: 15, deletePods: [] });
    expect(acceleration(waiting)).toBe(`Unknown WaitingForGpu pod film-1-1: ${NO_NODE}`);
    expect(waiting.status.accelerator).toBe('nvidia.com/gpu');
  });

  test('goes on with a CPU pod under the next number, which says why', () => {
    const over = plan({ pods: [pod(1, UNSCHEDULED)], nowMs: NOW + 15_000 });
    expect(over).toMatchObject({ createAttempt: 2, memory: { gpuRefusal: NO_NODE }, deletePods: ['film-1-1'] });
    expect(over.memory.failuresMs).toEqual([]);
    expect(over.status).toMatchObject({ podName: 'film-1-2', accelerator: 'cpu' });
    expect(acceleration(over)).toBe(
      `False GpuUnavailable ${NO_NODE}; pod film-1-2 encodes on the CPU, and the next pod asks for nvidia.com/gpu again`,
    );
  });

  test('waits for ever where nothing may stand in for the GPU, and tries again where it cannot be allocated', () => {
    const late = { mayFallBack: false, nowMs: NOW + 3_600_000 };
    expect(plan({ ...late, pods: [pod(1, UNSCHEDULED)] })).toMatchObject({ createAttempt: null, deletePods: [] });
    const failed = plan({ mayFallBack: false, pods: [pod(1, NO_DEVICE)], nowMs: NOW });
    expect(failed).toMatchObject({ createAttempt: null, wakeAfterSeconds: 1, memory: { gpuRefusal: null } });
  });

  test('gives the scheduler a word first, however short the wait', () => {
    const session = buildSession(channelFixture({ transcode: { gpu: { waitSeconds: 0 } } }), 'film-1', [RUNG]);
    expect(plan({ session, pods: [pod(1, { phase: 'Pending' })] }).createAttempt).toBeNull();
    expect(plan({ session, pods: [pod(1, UNSCHEDULED)] }).createAttempt).toBe(2);
  });

  test('leaves a pod alone that has got a node, however long its start takes', () => {
    const pods = [pod(1, { phase: 'Pending', conditions: [{ type: 'PodScheduled', status: 'True' }] })];
    expect(plan({ pods, nowMs: NOW + 3_600_000 }).createAttempt).toBeNull();
  });

  test('makes the same CPU pod again if it does not show up', () => {
    const memory = { ...ASKED, attempt: 2, madeMs: NOW, seen: false, gpuRefusal: NO_NODE };
    const again = plan({ memory, pods: [pod(1, UNSCHEDULED)], nowMs: NOW + 10_000 });
    expect(again).toMatchObject({ createAttempt: 2, memory: { gpuRefusal: NO_NODE } });
  });

  test('knows after a restart of the operator since when it waits, and what a CPU pod stands in for', () => {
    const status = { attempt: 1, phase: 'Pending' as const };
    const session = { ...SESSION, status };
    const memory = rememberSession(session);
    expect(plan({ session, memory, pods: [pod(1, UNSCHEDULED)] }).wakeAfterSeconds).toBe(15);
    const standIn = plan({ session, memory, pods: [pod(2, RUNNING, { refusal: NO_NODE })] });
    expect(standIn).toMatchObject({ createAttempt: null, status: { accelerator: 'cpu' } });
    expect(acceleration(standIn)).toContain(`False GpuUnavailable ${NO_NODE}`);
  });

  const standIn = (status: object, deleted: boolean) => pod(2, status, { refusal: NO_NODE, deleted });
  const again: readonly [string, Pod][] = [
    ['crashes', standIn(CRASHED, false)],
    ['is drained', standIn(RUNNING, true)],
  ];
  test.each(again)('asks for the GPU again when its CPU pod %s', (_name, second) => {
    const memory = { ...ASKED, attempt: 2, gpuRefusal: NO_NODE };
    const first = plan({ memory, pods: [second] });
    const next = plan({ memory: first.memory, pods: [second], nowMs: NOW + 5_000 });
    const made = [first, next].find(({ createAttempt }) => createAttempt !== null);
    expect(made).toMatchObject({ createAttempt: 3, memory: { gpuRefusal: null } });
    expect(made?.status.accelerator).toBe('nvidia.com/gpu');
  });

  test('takes the CPU where the kubelet cannot allocate what the scheduler has promised', () => {
    const failed = plan({ pods: [pod(1, NO_DEVICE)] });
    expect(failed).toMatchObject({ createAttempt: null, wakeAfterSeconds: 1 });
    const next = plan({ pods: [pod(1, NO_DEVICE)], memory: failed.memory, nowMs: NOW + 1_000 });
    expect(next).toMatchObject({
      createAttempt: 2,
      memory: { gpuRefusal: 'UnexpectedAdmissionError: Allocate failed' },
    });
  });

  test('takes the CPU where the API server has allowed no pod with a GPU for as long', () => {
    const memory = { ...ASKED, attempt: 0, seen: false };
    const message = 'exceeded quota: gpus';
    const early = plan({ memory, refusal: { sinceMs: NOW - 5_000, message, gpuRefusal: null } });
    expect(early).toMatchObject({ createAttempt: 1, wakeAfterSeconds: 15, memory: { gpuRefusal: null } });
    const late = plan({ memory, refusal: { sinceMs: NOW - 20_000, message, gpuRefusal: null } });
    expect(late).toMatchObject({
      createAttempt: 1,
      memory: { gpuRefusal: 'the API server allows no pod with a GPU: exceeded quota: gpus' },
    });
  });

  test('stays with the CPU where a quota leaves no room for the new pod beside the old one', () => {
    const refusal = { sinceMs: NOW, message: 'exceeded quota: pods', gpuRefusal: NO_NODE };
    const gone = plan({ refusal });
    const next = plan({ refusal, memory: gone.memory, nowMs: NOW + 1_000 });
    expect(next).toMatchObject({ createAttempt: 2, memory: { gpuRefusal: NO_NODE } });
  });

  test('says with which encoder the GPU works, or why it does not', () => {
    const nvenc = sessionReportFixture({ encoder: 'h264_nvenc' });
    const works = plan({ pods: [pod(1, RUNNING)], report: nvenc });
    expect(acceleration(works)).toBe('True GpuEncodes pod film-1-1 encodes with h264_nvenc');
    const x264 = sessionReportFixture({ fallback: 'h264_nvenc: Cannot load libcuda.so.1' });
    const fallen = plan({ pods: [pod(1, RUNNING)], report: x264 });
    expect(fallen.status).toMatchObject({ encoder: 'libx264', accelerator: 'nvidia.com/gpu' });
    expect(acceleration(fallen)).toBe(
      'False EncoderFallback pod film-1-1 has nvidia.com/gpu and encodes with libx264 on the CPU: h264_nvenc: Cannot load libcuda.so.1',
    );
  });

  test('keeps saying so while a new owner is silent, and asks anew of the next pod', () => {
    const { status } = plan({ pods: [pod(1, RUNNING)], report: sessionReportFixture({ encoder: 'h264_nvenc' }) });
    const session = { ...SESSION, status };
    expect(acceleration(plan({ session, pods: [pod(1, RUNNING)] }))).toContain('True GpuEncodes');
    const memory = { ...ASKED, attempt: 2 };
    expect(acceleration(plan({ session, memory, pods: [pod(2, RUNNING)] }))).toContain('Unknown Starting');
    const late = sessionReportFixture({ encoder: 'h264_nvenc', attempt: 1 });
    expect(acceleration(plan({ session, memory, pods: [pod(2, RUNNING)], report: late }))).toContain('Unknown');
  });

  test('tells on the Channel once for each pod that it encodes on the CPU', () => {
    const waiting = plan({ pods: [pod(1, UNSCHEDULED)] }).status;
    const fallen = plan({ pods: [pod(1, UNSCHEDULED)], nowMs: NOW + 15_000 }).status;
    expect(fallbackEvent(SESSION, waiting, waiting)).toBeNull();
    expect(fallbackEvent(SESSION, waiting, fallen)).toMatchObject({
      type: 'Warning',
      reason: 'EncoderFallback',
      note: expect.stringContaining(`StreamSession film-1: ${NO_NODE}; pod film-1-2`),
    });
    expect(fallbackEvent(SESSION, fallen, fallen)).toBeNull();
    expect(fallbackEvent(SESSION, fallen, { ...fallen, attempt: 4 })).not.toBeNull();
  });

  test('never falls back without the scheduler, never takes a number twice, and always tries the GPU after a CPU pod', () => {
    const statuses = fc.constantFrom<object>(UNSCHEDULED, RUNNING, CRASHED, NO_DEVICE, { phase: 'Pending' });
    const steps = fc.array(fc.record({ status: statuses, deleted: fc.boolean(), seconds: fc.integer({ max: 40 }) }));
    fc.assert(
      fc.property(steps, (scenes) => {
        let memory = rememberSession(SESSION);
        let nowMs = NOW;
        const made: (string | null)[] = [];
        for (const { status, deleted, seconds } of scenes) {
          nowMs += Math.abs(seconds) * 1000;
          const refusal = memory.gpuRefusal;
          const pods =
            memory.attempt === 0
              ? []
              : [pod(memory.attempt, status, refusal === null ? { deleted } : { deleted, refusal })];
          const planned = plan({ memory, pods, nowMs });
          if (planned.createAttempt !== null) {
            expect(planned.createAttempt).toBe(memory.attempt + 1);
            made.push(planned.memory.gpuRefusal);
            if (planned.memory.gpuRefusal !== null) expect([UNSCHEDULED, NO_DEVICE]).toContain(status);
          }
          memory = planned.memory;
        }
        made.slice(1).forEach((refusal, index) => {
          if (made[index] !== null) expect(refusal).toBeNull();
        });
      }),
      { numRuns: 200 },
    );
  });
});
