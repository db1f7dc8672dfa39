import { readFileSync } from 'node:fs';
import { MAX_EVENT_LISTENERS } from '@sluice/edge/http/event-hub.ts';
import { request } from 'undici';
import { bundle } from '../../../images/bundle.ts';
import { until } from '../../../images/edge/integration/programs.ts';
import type { Progress } from '../../cluster/progress.ts';
import { usageOf } from '../process-usage.ts';
import { type Measurement, percentile } from '../statistics.ts';
import { within } from './deadline.ts';
import { type EdgeSubject, NAMESPACE, routeOf, startEdgeSubject } from './edge-subject.ts';
import { EventListeners } from './event-listeners.ts';
import { cpuSecondsByGroup, descriptorsOf, pidsOf } from './processes.ts';
import type { Started } from './subject.ts';

/** Loopback address of the edge. */
const ADDRESS = '127.0.70.5';
/** Listeners who never read. With those who do they are as many as an edge takes. */
const SILENT = 300;
const READERS = MAX_EVENT_LISTENERS - SILENT;
/** Changes that those who read hear, and how far apart they are. */
const CHANGES = 20;
const CHANGE_SECONDS = 1;
/** What those hear who do not read, until they are cut: as often as an edge sends, with a decision told at length. */
const FLOOD_SECONDS = 0.25;
const FLOOD_CHARACTERS = 4_000;
/** Changes that the others hear meanwhile, at least and at most. */
const FLOOD_CHANGES = { least: 5, most: 15 } as const;
/** An event that is not there after this never comes. */
const PATIENCE_SECONDS = 20;
const USUAL_SECONDS = 35;
const LIMIT_SECONDS = 180;

/** The edge, who listens to it, and what has been heard. */
interface Scene {
  readonly edge: EdgeSubject;
  readonly readers: EventListeners;
  readonly started: Started;
  /** Changes that the edge was told of. Each has its place here as its number of viewers, from 1. */
  readonly changes: Change[];
}

/** A change that the edge was told of. */
interface Change {
  /** When, in milliseconds. */
  readonly toldAt: number;
  /** How long it was on its way to each listener who has heard of it, in milliseconds. */
  readonly waits: number[];
}

/** What an edge pod holds. */
interface Held {
  readonly sidecar: { readonly residentBytes: number; readonly anonymousBytes: number; readonly descriptors: number };
  /** All its processes; descriptors of the one that has most. */
  readonly nginx: { readonly residentBytes: number; readonly anonymousBytes: number; readonly descriptors: number };
  /** Of all TCP sockets of the machine. */
  readonly kernelBytes: number;
}

/**
 * Server-sent events to as many listeners as an edge takes, through its real nginx and the image's sidecar; some hundred
 * of them never read. A change is an audience that the operator tells the edge.
 */
export async function measureEvents(root: string, progress: Progress, started: Started): Promise<Measurement[]> {
  await bundle(root, ['edge'], () => {});
  return progress.step('measure events', USUAL_SECONDS, () =>
    within(LIMIT_SECONDS, 'to measure events', () => measure(root, progress, started)),
  );
}

async function measure(root: string, progress: Progress, started: Started): Promise<Measurement[]> {
  const options = { root, originUrl: 'http://127.0.0.1:9', channels: 2, workers: 2 };
  const edge = await startEdgeSubject(started, ADDRESS, options);
  const changes: Change[] = [];
  const scene: Scene = {
    edge,
    started,
    changes,
    readers: new EventListeners(edge.url, `${NAMESPACE}/c0`, (viewers) => {
      const change = changes[viewers - 1];
      change?.waits.push(performance.now() - change.toldAt);
    }),
  };
  const silent = new EventListeners(edge.url, `${NAMESPACE}/c1`, null);
  started.add(null, async () => {
    scene.readers.close();
    silent.close();
  });
  await until('the edge has its routes', PATIENCE_SECONDS, () => isServed(edge));
  const idle = await heldBy(edge);
  await silent.open(SILENT);
  await scene.readers.open(READERS);
  await until('all listen', PATIENCE_SECONDS, async () => (await listenersOf(edge)) === MAX_EVENT_LISTENERS);
  const refusal = await statusOfOneMore(edge);
  const full = await heldBy(edge);
  progress.note(`    ${MAX_EVENT_LISTENERS} listen; one more gets ${refusal}`);
  const before = cpuSecondsByGroup(edge.groups);
  const from = performance.now();
  await change(scene, CHANGES);
  const seconds = (performance.now() - from) / 1000;
  const cpu = cpuSecondsByGroup(edge.groups).map((now, index) => now - (before[index] ?? 0));
  const changed = await heldBy(edge);
  const flood = await floodSilent(scene);
  const after = await heldBy(edge);
  return [
    delayRow(`${READERS.toLocaleString('en')} who read, ${SILENT} who do not`, changes.slice(0, CHANGES)),
    delayRow('the same, while the latter are flooded', changes.slice(CHANGES)),
    cpuRow(cpu, seconds),
    heldRow('without a listener', idle),
    heldRow(`with ${MAX_EVENT_LISTENERS.toLocaleString('en')}; one more gets ${refusal}`, full),
    heldRow(`after ${CHANGES} changes`, changed),
    silentRow(flood),
    heldRow('when they are cut', after),
  ];
}

/** Tells the edge of so many changes of the channel of those who read. */
async function change(scene: Scene, changes: number): Promise<void> {
  for (let index = 0; index < changes; index += 1) {
    tellChange(scene);
    await scene.started.sleep(CHANGE_SECONDS);
  }
  await heard(scene);
}

/** Waits until all who read have heard of the last change; what has not come then is missing from the row. */
async function heard({ changes, started }: Scene): Promise<void> {
  const deadline = performance.now() + PATIENCE_SECONDS * 1000;
  const last = changes.at(-1)?.waits;
  while (last !== undefined && last.length < READERS && performance.now() < deadline) await started.sleep(0.02);
}

/** One more viewer; and another mode each time. */
function tellChange({ edge, changes }: Scene): void {
  changes.push({ toldAt: performance.now(), waits: [] });
  tell(edge, 0, changes.length, 'viewers came');
}

function tell(edge: EdgeSubject, channel: number, viewers: number, reason: string): void {
  const activeMode = viewers % 2 === 0 ? 'Proxy' : 'Direct';
  const { uid } = routeOf(channel, edge.url);
  const audience = { uid, viewers, peak: viewers, state: 'known', mode: activeMode, activeMode, reason } as const;
  edge.programs.operator.send({ type: 'audience', audience });
}

/** What those have got who do not read. */
interface Flood {
  /** When the last of them was found cut, or was not yet. */
  readonly cutSeconds: number;
  /** Changes that those who read heard meanwhile. */
  readonly changes: number;
  /** Listeners who are there in the end beyond those who read. */
  readonly left: number;
  readonly peakSidecarBytes: number;
  /** The most that the machine's TCP sockets held more than before. */
  readonly kernelBytes: number;
}

/** Sends those who do not read as much as an edge sends at most, until they are cut, and changes to the others meanwhile. */
async function floodSilent(scene: Scene): Promise<Flood> {
  const { edge, started } = scene;
  const kernelBefore = kernelBytes();
  const from = performance.now();
  const flood = { changes: 0, rounds: 0, left: SILENT, cutSeconds: 0, peakSidecarBytes: 0, kernelBytes: 0 };
  const perChange = CHANGE_SECONDS / FLOOD_SECONDS;
  while (flood.changes < FLOOD_CHANGES.least || (flood.left > 0 && flood.changes < FLOOD_CHANGES.most)) {
    tellChange(scene);
    flood.changes += 1;
    for (let round = 0; round < perChange; round += 1) {
      flood.rounds += 1;
      tell(edge, 1, flood.rounds, `${flood.rounds} `.padEnd(FLOOD_CHARACTERS, 'long '));
      await started.sleep(FLOOD_SECONDS);
    }
    if (flood.left > 0) flood.cutSeconds = (performance.now() - from) / 1000;
    flood.left = (await listenersOf(edge)) - (READERS - scene.readers.ended);
    flood.peakSidecarBytes = Math.max(flood.peakSidecarBytes, (await usageOf(edge.sidecarPid)).residentBytes);
    flood.kernelBytes = Math.max(flood.kernelBytes, kernelBytes() - kernelBefore);
  }
  await heard(scene);
  return flood;
}

async function isServed({ url }: EdgeSubject): Promise<boolean> {
  const { statusCode, body } = await request(`${url}/api/stream/${NAMESPACE}/c1/status`);
  await body.dump();
  return statusCode === 200;
}

/** Open event streams by the edge's own metric. */
async function listenersOf({ programs }: EdgeSubject): Promise<number> {
  const { body } = await request(`http://${ADDRESS}:${programs.ports.operations}/metrics`);
  return Number(/^sluice_edge_event_listeners(?:\{\S*\})? (\d+)/m.exec(await body.text())?.[1]);
}

async function statusOfOneMore({ url }: EdgeSubject): Promise<number> {
  const { statusCode, body } = await request(`${url}/api/stream/${NAMESPACE}/c0/events`);
  // A stream would not end.
  body.on('error', () => {}).destroy();
  return statusCode;
}

async function heldBy({ programs, sidecarPid }: EdgeSubject): Promise<Held> {
  const nginxPids = pidsOf(programs.pids[1]);
  const usages = await Promise.all(nginxPids.map(usageOf));
  const sidecar = await usageOf(sidecarPid);
  return {
    sidecar: { ...sidecar, descriptors: descriptorsOf(sidecarPid) },
    nginx: {
      residentBytes: usages.reduce((sum, { residentBytes }) => sum + residentBytes, 0),
      anonymousBytes: usages.reduce((sum, { anonymousBytes }) => sum + anonymousBytes, 0),
      descriptors: Math.max(...nginxPids.map(descriptorsOf)),
    },
    kernelBytes: kernelBytes(),
  };
}

/** Pages of 4 KiB that all TCP sockets of the machine hold (proc(5), sockstat). */
function kernelBytes(): number {
  const pages = /^TCP: .* mem (\d+)/m.exec(readFileSync('/proc/net/sockstat', 'utf8'))?.[1];
  return Number(pages) * 4096;
}

/** Changes that nobody heard of were followed by another one before the edge, which sends the present state, had its turn. */
function delayRow(who: string, changes: readonly Change[]): Measurement {
  const waits = changes.flatMap((change) => change.waits);
  const [median, p99, worst] = [0.5, 0.99, 1].map((share) => percentile(waits, share).toFixed(0));
  const toAll = changes.filter((change) => change.waits.length === READERS).length;
  const replaced = changes.filter((change) => change.waits.length === 0).length;
  return {
    what: `event streams through nginx, ${who}: from a change to the listener`,
    measured: `median ${median} ms, p99 ${p99} ms, longest ${worst} ms; ${toAll} changes to all, ${replaced} replaced by the next`,
    reference: `${changes.length} changes; sent every 250 ms at most`,
  };
}

function cpuRow([sidecar = 0, nginx = 0]: readonly number[], seconds: number): Measurement {
  const each = (cpuSeconds: number): string => ((cpuSeconds * 1e6) / CHANGES / READERS).toFixed(1);
  const percent = (cpuSeconds: number): string => ((100 * cpuSeconds) / seconds).toFixed(1);
  return {
    what: 'CPU of an event each second to all of them; of an event and listener',
    measured: `sidecar ${percent(sidecar)} %, nginx ${percent(nginx)} % of a core; ${each(sidecar)} us, ${each(nginx)} us`,
    reference: '-',
  };
}

function heldRow(when: string, { sidecar, nginx, kernelBytes: kernel }: Held): Measurement {
  const textOf = ({ residentBytes, anonymousBytes, descriptors }: Held['sidecar']): string =>
    `${megabytes(residentBytes)}, ${megabytes(anonymousBytes)}, ${descriptors.toLocaleString('en')}`;
  return {
    what: `resident, private, descriptors, ${when}`,
    measured: `sidecar ${textOf(sidecar)}; nginx ${textOf(nginx)}`,
    reference: `TCP in the kernel ${megabytes(kernel)}`,
  };
}

function silentRow({ left, cutSeconds, peakSidecarBytes, kernelBytes: kernel }: Flood): Measurement {
  return {
    what: `${SILENT} who do not read, flooded with ${FLOOD_CHARACTERS / FLOOD_SECONDS / 1000} kB/s: left, after seconds`,
    measured: `${left} after ${cutSeconds.toFixed(0)} s; sidecar ${megabytes(peakSidecarBytes)} at most`,
    reference: `0; TCP in the kernel ${(kernel / SILENT / 1000).toFixed(0)} kB more for each`,
  };
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(0)} MB`;
}
