import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import { Registry } from 'prom-client';
import { RuntimeError } from '../errors/error.ts';
import { ManualClock } from '../testing/manual-clock.ts';
import { type ControllerOptions, createController, type Reconcile } from './controller.ts';
import { createControllerMetricsFactory } from './metrics.ts';

/** Everything that can happen without time passing has happened. */
async function quiet(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await nextTurn();
}

function controllerOf(reconcile: Reconcile, workers = 1, written: ControllerOptions['written'] = undefined) {
  const clock = new ManualClock();
  const registry = new Registry();
  const errors: string[] = [];
  const controller = createController({
    name: 'widget',
    reconcile,
    workers,
    clock,
    timeoutSeconds: 60,
    ...(written === undefined ? {} : { written }),
    metrics: createControllerMetricsFactory(registry)('widget'),
    onError: (_key, error) => errors.push(error instanceof RuntimeError ? error.code : String(error)),
  });
  return { clock, registry, errors, controller };
}

function failure(code: string, options: { retryable: boolean; retryAfterSeconds?: number }): RuntimeError {
  return new RuntimeError(code, { code, ...options });
}

describe('createController', () => {
  test('keeps keys until it is started, and reconciles each once', async () => {
    const seen: string[] = [];
    const { controller } = controllerOf(async (key) => {
      seen.push(key);
      return undefined;
    });
    for (const key of ['a', 'b', 'a']) controller.enqueue(key);
    await quiet();
    expect(seen).toEqual([]);
    controller.start();
    controller.start();
    await quiet();
    expect(seen).toEqual(['a', 'b']);
    await controller.stop(1);
  });

  test('never works on one key twice at a time, whatever the number of workers', async () => {
    let active = 0;
    let most = 0;
    const gates: (() => void)[] = [];
    const { controller } = controllerOf(async () => {
      active += 1;
      most = Math.max(most, active);
      await new Promise<void>((resolve) => gates.push(resolve));
      active -= 1;
      return undefined;
    }, 4);
    controller.start();
    controller.enqueue('a');
    await quiet();
    controller.enqueue('a');
    controller.enqueue('a');
    await quiet();
    expect(gates).toHaveLength(1);
    gates[0]?.();
    await quiet();
    gates[1]?.();
    await quiet();
    expect([most, gates.length]).toEqual([1, 2]);
    await controller.stop(1);
  });

  test('looks again when a reconcile asks for it', async () => {
    let runs = 0;
    const { controller, clock } = controllerOf(async () => {
      runs += 1;
      return runs === 1 ? { requeueAfterSeconds: 30 } : undefined;
    });
    controller.start();
    controller.enqueue('a');
    await quiet();
    clock.advance(29_999);
    await quiet();
    expect(runs).toBe(1);
    clock.advance(1);
    await quiet();
    expect(runs).toBe(2);
    await controller.stop(1);
  });

  test('retries a failure with back-off, and as late as the server asks', async () => {
    const failures = [failure('Unreachable', { retryable: true }), new Error('unexpected')];
    const last = failure('TooManyRequests', { retryable: true, retryAfterSeconds: 7 });
    const times: number[] = [];
    const { controller, clock, errors, registry } = controllerOf(async () => {
      times.push(clock.now());
      const next = [...failures, last][times.length - 1];
      if (next !== undefined) throw next;
      return undefined;
    });
    controller.start();
    controller.enqueue('a');
    for (const milliseconds of [5, 10, 6999, 1]) {
      await quiet();
      clock.advance(milliseconds);
    }
    await quiet();
    expect(times).toEqual([0, 5, 15, 7015]);
    expect(errors).toEqual(['Unreachable', 'Error: unexpected', 'TooManyRequests']);
    const text = await registry.metrics();
    expect(text).toContain('controller_runtime_reconcile_panics_total{controller="widget"} 1');
    expect(text).toContain('controller_runtime_reconcile_errors_total{controller="widget"} 3');
    await controller.stop(1);
  });

  test('retries what is not retryable when something changes, and else twice a minute', async () => {
    let runs = 0;
    const { controller, clock } = controllerOf(async () => {
      runs += 1;
      throw failure('Invalid', { retryable: false });
    });
    controller.start();
    controller.enqueue('a');
    await quiet();
    clock.advance(29_999);
    await quiet();
    expect(runs).toBe(1);
    controller.enqueue('a');
    await quiet();
    expect(runs).toBe(2);
    clock.advance(30_000);
    await quiet();
    expect(runs).toBe(3);
    await controller.stop(1);
  });

  test('waits until the caches show what it has written, and goes on at once when they do', async () => {
    const runs: number[] = [];
    let behind: string | null = 'pods';
    const { controller, clock } = controllerOf(
      async () => {
        runs.push(clock.now());
        return undefined;
      },
      1,
      { behind: () => behind },
    );
    controller.start();
    controller.enqueue('a');
    await quiet();
    clock.advance(50);
    await quiet();
    behind = null;
    controller.enqueue('a'); // as the event of the watch does
    await quiet();
    clock.advance(1000);
    await quiet();
    expect(runs).toEqual([50]);
    await controller.stop(1);
  });

  test('retries a lost race without a word', async () => {
    let runs = 0;
    const { controller, clock, errors, registry } = controllerOf(async () => {
      runs += 1;
      if (runs === 1) throw failure('Conflict', { retryable: true });
      return undefined;
    });
    controller.start();
    controller.enqueue('a');
    await quiet();
    clock.advance(5);
    await quiet();
    expect([runs, errors]).toEqual([2, []]);
    expect(await registry.metrics()).toContain(
      'controller_runtime_reconcile_total{controller="widget",result="requeue"} 1',
    );
    await controller.stop(1);
  });

  test('aborts a reconcile that takes too long, and tries again', async () => {
    const { controller, clock, errors, registry } = controllerOf(async (_key, signal) => {
      await new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(new Error('aborted'))));
      return undefined;
    });
    controller.start();
    controller.enqueue('a');
    await quiet();
    clock.advance(60_000);
    await quiet();
    expect(errors).toEqual(['RECONCILE_TIMEOUT']);
    const text = await registry.metrics();
    expect(text).toContain('controller_runtime_reconcile_timeouts_total{controller="widget"} 1');
    expect(text).toContain('workqueue_retries_total{name="widget",controller="widget"} 1');
    const stopped = controller.stop(0);
    clock.advance(0);
    await quiet();
    clock.advance(5000);
    await stopped;
  });

  test('stops when what is under way has ended, and begins nothing new', async () => {
    const seen: string[] = [];
    const gate = Promise.withResolvers<void>();
    const { controller } = controllerOf(async (key) => {
      seen.push(key);
      await gate.promise;
      return { requeueAfterSeconds: 1 };
    });
    controller.start();
    controller.enqueue('a');
    controller.enqueue('b');
    await quiet();
    const stopped = controller.stop(10);
    gate.resolve();
    await stopped;
    expect(seen).toEqual(['a']);
  });

  test('aborts what is under way after the grace period, and abandons what does not heed it', async () => {
    let aborted = false;
    const { controller, clock, errors } = controllerOf(async (_key, signal) => {
      signal.addEventListener('abort', () => {
        aborted = true;
      });
      return new Promise(() => {});
    });
    controller.start();
    controller.enqueue('a');
    await quiet();
    const stopped = controller.stop(10);
    clock.advance(10_000);
    await quiet();
    expect(aborted).toBe(true);
    clock.advance(5000);
    await stopped;
    expect(errors).toEqual(['CONTROLLER_STOPPED']);
  });
});

describe('controller metrics', () => {
  test('exist with 0 before anything has happened', async () => {
    const { registry } = controllerOf(async () => undefined, 3);
    const text = await registry.metrics();
    const queue = 'name="widget",controller="widget"';
    for (const line of [
      ...['success', 'error', 'requeue', 'requeue_after'].map(
        (result) => `controller_runtime_reconcile_total{controller="widget",result="${result}"} 0`,
      ),
      'controller_runtime_reconcile_errors_total{controller="widget"} 0',
      'controller_runtime_terminal_reconcile_errors_total{controller="widget"} 0',
      'controller_runtime_reconcile_panics_total{controller="widget"} 0',
      'controller_runtime_reconcile_timeouts_total{controller="widget"} 0',
      'controller_runtime_reconcile_time_seconds_count{controller="widget"} 0',
      'controller_runtime_active_workers{controller="widget"} 0',
      'controller_runtime_max_concurrent_reconciles{controller="widget"} 3',
      `workqueue_adds_total{${queue}} 0`,
      `workqueue_retries_total{${queue}} 0`,
      `workqueue_depth{${queue},priority="0"} 0`,
      `workqueue_depth{${queue},priority="-100"} 0`,
      `workqueue_queue_duration_seconds_count{${queue}} 0`,
      `workqueue_work_duration_seconds_count{${queue}} 0`,
      `workqueue_unfinished_work_seconds{${queue}} 0`,
      `workqueue_longest_running_processor_seconds{${queue}} 0`,
    ]) {
      expect(text).toContain(line);
    }
  });

  test('measure waiting and work by the clock', async () => {
    const gate = Promise.withResolvers<void>();
    const { controller, clock, registry } = controllerOf(async () => {
      await gate.promise;
      return undefined;
    });
    controller.enqueue('a');
    clock.advance(2000);
    controller.start();
    await quiet();
    clock.advance(3000);
    expect(await registry.metrics()).toContain(
      'workqueue_unfinished_work_seconds{name="widget",controller="widget"} 3',
    );
    gate.resolve();
    await quiet();
    const text = await registry.metrics();
    expect(text).toContain('workqueue_queue_duration_seconds_sum{name="widget",controller="widget"} 2');
    expect(text).toContain('workqueue_work_duration_seconds_sum{name="widget",controller="widget"} 3');
    await controller.stop(1);
  });
});
