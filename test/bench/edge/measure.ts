import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '@sluice/common/errors/error.ts';
import { bundle } from '../../../images/bundle.ts';
import { until } from '../../../images/edge/integration/programs.ts';
import type { Progress } from '../../cluster/progress.ts';
import type { Measurement } from '../statistics.ts';
import { measureAnswers } from './answers.ts';
import { measureViewers, startAudience } from './audience.ts';
import { measureBytes } from './bytes.ts';
import { verdict } from './comparison.ts';
import { within } from './deadline.ts';
import { type EdgeSubject, startEdgeSubject } from './edge-subject.ts';
import { type Growth, growthLine, growthTable, measureGrowth } from './growth.ts';
import { growthPicture } from './growth-picture.ts';
import { measureLimit } from './limit.ts';
import { measureMemory } from './memory.ts';
import { SEGMENTS, startOrigin } from './origin-process.ts';
import { startReference } from './reference-nginx.ts';
import { measureSecondViewer } from './second-viewer.ts';
import type { Started, Subject } from './subject.ts';

/** What `npm run bench -- edge:NAME` can measure by itself. */
export const EDGE_PARTS = ['bytes', 'viewers', 'second', 'answers', 'limit', 'memory', 'growth'] as const;
/** A part of the edge's bench. */
export type EdgePart = (typeof EDGE_PARTS)[number];

/**
 * Loopback addresses: each subject has ports for viewers of its own. And workers of nginx: one for each core that it may
 * use; the servers that only send bytes have one core, and one address, of which the kernel has learned the same.
 */
const PAIR = { edge: '127.0.70.1', reference: '127.0.70.2', workers: 2 } as const;
const PAIR_ON_ONE_CORE = { edge: '127.0.70.4', reference: '127.0.70.4', workers: 1 } as const;
/** Written by each run, and kept where the documentation shows it. */
const PICTURE = 'docs/edge-growth.svg';
const SECOND_VIEWER_CHANNELS = 10;

/** What a run has found. */
export interface EdgeFigures {
  readonly rows: readonly Measurement[];
  /** The table of growth; empty where it was not asked for. */
  readonly growth: string;
}

/** How a part is measured; how long that takes, and after how long it is given up so that the others come to their turn. */
interface PartPlan {
  readonly usualSeconds: number;
  readonly limitSeconds: number;
  readonly measure: (started: Started) => Promise<readonly Measurement[]>;
}

/**
 * An edge on loopback, its real nginx and the image's sidecar, beside nginx alone before the same source.
 * @param started is told of everything that has to be ended
 */
export async function measureEdge(
  root: string,
  progress: Progress,
  wanted: readonly EdgePart[],
  started: Started,
): Promise<EdgeFigures> {
  await bundle(root, ['edge'], () => {});
  const beside = started.part();
  const rows = wanted.some((part) => part !== 'growth' && part !== 'memory')
    ? await measureBeside(root, progress, wanted, beside)
    : [];
  // What is left of it must not be measured with the rest.
  await beside.stop();
  if (wanted.includes('memory'))
    rows.push(...(await measurePart('memory', memoryPlan(root, progress), progress, started)));
  if (!wanted.includes('growth')) return { rows, growth: '' };
  const growth: Growth[] = [];
  const onRow = (row: Growth): void => {
    growth.push(row);
    progress.note(`    ${growthLine(row)}`);
  };
  const plan: PartPlan = {
    usualSeconds: 220,
    limitSeconds: 420,
    measure: async (part) => {
      await measureGrowth(root, part, onRow);
      return [];
    },
  };
  const failed = await measurePart('growth', plan, progress, started);
  // A part of it would be no better than the picture that is there.
  if (failed.length === 0) {
    await writeFile(join(root, PICTURE), growthPicture(growth));
    progress.note(`  ${PICTURE} shows it`);
  }
  return { rows: [...rows, ...failed], growth: growthTable(growth) };
}

/** An edge of its own: what others have done to one stays in its memory. */
function memoryPlan(root: string, progress: Progress): PartPlan {
  const tell = (line: string) => progress.note(`    ${line}`);
  return { usualSeconds: 95, limitSeconds: 200, measure: (part) => measureMemory(root, part, tell) };
}

async function measureBeside(
  root: string,
  progress: Progress,
  wanted: readonly EdgePart[],
  started: Started,
): Promise<Measurement[]> {
  const originUrl = await startOrigin(started, SEGMENTS);
  const { edge, reference } = await startPair(root, started, originUrl, PAIR);
  const onOneCore = async (part: Started) => {
    const { reference: address, workers } = PAIR_ON_ONE_CORE;
    const { edge: oneCore, reference: alone, files } = await startPair(root, part, originUrl, PAIR_ON_ONE_CORE);
    return measureBytes(oneCore, alone, await startReference(part, address, { originUrl, files, workers }));
  };
  const plans: Readonly<Record<Exclude<EdgePart, 'memory' | 'growth'>, PartPlan>> = {
    bytes: { usualSeconds: 50, limitSeconds: 150, measure: onOneCore },
    answers: { usualSeconds: 60, limitSeconds: 180, measure: (part) => measureAnswers(part, edge) },
    second: { usualSeconds: 26, limitSeconds: 60, measure: () => measureSecondViewer(edge, reference) },
    viewers: { usualSeconds: 115, limitSeconds: 200, measure: (part) => measureViewers(part, edge, reference) },
    limit: { usualSeconds: 150, limitSeconds: 300, measure: (part) => measureLimit(part, edge, reference) },
  };
  const rows: Measurement[] = [];
  for (const [name, plan] of Object.entries(plans)) {
    if (wanted.includes(name as EdgePart)) rows.push(...(await measurePart(name, plan, progress, started)));
  }
  return rows;
}

/** An edge whose first channel is watched, and nginx alone before the same source. */
async function startPair(
  root: string,
  started: Started,
  originUrl: string,
  { edge: edgeAddress, reference: referenceAddress, workers }: typeof PAIR | typeof PAIR_ON_ONE_CORE,
): Promise<{ readonly edge: EdgeSubject; readonly reference: Subject; readonly files: string }> {
  const options = { root, originUrl, channels: SECOND_VIEWER_CHANNELS, workers };
  const edge = await startEdgeSubject(started, edgeAddress, options);
  const files = `${edge.programs.mediaDirectory}/live`;
  const reference = await startReference(started, referenceAddress, { originUrl, files, workers });
  // Somebody always watches, so that there are segments to fetch.
  const [watcher] = startAudience(edge, { viewers: 1, channels: 1, arrivalsPerSecond: 1 });
  started.add(watcher, async () => watcher?.stop());
  await until('the edge publishes', 30, () => (watcher?.report().polls ?? 0) > 0);
  return { edge, reference, files };
}

/** Measures a part, ends what it has started, and tells of what it has found: that it failed, where it did. */
async function measurePart(
  name: string,
  { usualSeconds, limitSeconds, measure }: PartPlan,
  progress: Progress,
  started: Started,
): Promise<readonly Measurement[]> {
  const part = started.part();
  // The others are worth having without it; nothing is where people end the program.
  const failed = (error: unknown): Measurement[] => {
    started.check();
    return [{ what: name, measured: `failed: ${messageOf(error)}`, reference: '', goal: verdict(false) }];
  };
  const work = () => within(limitSeconds, `to measure ${name}`, () => measure(part));
  const found = await progress.step(`measure ${name}`, usualSeconds, work).catch(failed);
  await part.stop();
  for (const { what, measured, reference, ratio, goal } of found) {
    progress.note(`    ${[what, measured, reference, ratio, goal].filter((text) => text !== undefined).join('; ')}`);
  }
  return found;
}
