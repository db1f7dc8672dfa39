import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, jest } from '@jest/globals';
import { covers } from '../../runtime/apply/json.ts';
import type { JsonObject } from '../../runtime/memory/fields.ts';
import { ObjectStore } from '../../runtime/memory/object-store.ts';
import { ManualClock } from '../../runtime/testing/manual-clock.ts';
import { FakeMachine } from './fake-machine.testing.ts';
import { PODS, SECRETS } from './kinds.testing.ts';
import { type Kubelet, startKubelet } from './kubelet.ts';

/** Address of the first pod. */
export const ADDRESS = '127.16.1.2';

/** A container of the image that the stage has a program for: `run /bundles/main.js`. */
export const MAIN = { name: 'main', image: 'sluice/film:1' };

/** What a test waits for comes within milliseconds, files included; this only bounds a test that fails on a busy machine. */
const PATIENCE_MS = 50_000;

/** A pod as the kubelet has written it. */
export interface Pod {
  readonly metadata: { readonly uid: string; readonly annotations?: Readonly<Record<string, string>> };
  readonly status: {
    readonly phase: string;
    readonly podIP: string;
    readonly containerStatuses: readonly JsonObject[];
  };
}

/** A kubelet with a folder, a store, a machine and a clock of its own. */
export class KubeletStage {
  readonly folder = mkdtempSync(join(tmpdir(), 'kubelet-'));
  readonly store = new ObjectStore({ kinds: [PODS, SECRETS], now: Date.now });
  readonly machine = new FakeMachine();
  readonly clock = new ManualClock();
  /** `<pod>/<container> <text>` of each line that was printed. */
  readonly printed: string[] = [];
  readonly kubelet: Kubelet;

  constructor() {
    let addresses = 0;
    const image = { programs: {}, environment: { FROM: 'image' }, files: { '/app': '/bundles' } };
    this.kubelet = startKubelet({
      store: this.store,
      network: { podAddress: () => `127.16.1.${2 + addresses++}`, resolve: (text: string) => text },
      images: { film: { ...image, entrypoint: ['run', '/app/main.js'], stopSignal: 'SIGQUIT' } },
      machine: this.machine,
      folder: this.folder,
      environment: { PATH: '/bin' },
      print: ({ pod, container, text }) => void this.printed.push(`${pod}/${container} ${text}`),
      clock: this.clock,
    });
  }

  /** Ends every process, and leaves nothing behind. */
  async close(): Promise<void> {
    const stopped = this.kubelet.stop();
    for (const process of this.machine.processes) process.exit(0);
    await stopped;
    rmSync(this.folder, { recursive: true });
  }

  /** Creates a pod of this spec. */
  create(spec: JsonObject, name = 'film-1'): void {
    this.store.create(PODS, { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'tv' }, spec }, 'test');
  }

  /** The pod as the store has it now. */
  read(name = 'film-1'): Pod {
    return this.store.get(PODS, 'tv', name) as unknown as Pod;
  }

  /** Waits until something holds. @throws Error that tells what was started and printed */
  async until(what: string, holds: () => boolean): Promise<void> {
    const deadline = performance.now() + PATIENCE_MS;
    while (performance.now() < deadline) {
      if (holds()) return;
      await new Promise((resolve) => setImmediate(resolve));
    }
    const told = `started ${this.machine.commands.join(', ')}; printed ${this.printed.join(', ')}`;
    throw new Error(`waited in vain for ${what}; ${told}`);
  }

  /** Waits until a command was started so many times. */
  started(command: string, times = 1): Promise<void> {
    const isStarted = () => this.machine.commands.filter((each) => each === command).length === times;
    return this.until(`${command} to start`, isStarted);
  }

  /** Waits until the first container is in this state. */
  stateIs(expected: JsonObject): Promise<void> {
    const isIn = () => covers(this.read().status?.containerStatuses?.[0]?.state ?? {}, expected);
    return this.until(JSON.stringify(expected), isIn);
  }
}

/** Gives each test of a file a stage of its own. @returns the stage of the test that runs */
export function stageOfEachTest(): () => KubeletStage {
  jest.setTimeout(60_000);
  let stage: KubeletStage;
  beforeEach(() => {
    stage = new KubeletStage();
  });
  afterEach(() => stage.close());
  return () => stage;
}
