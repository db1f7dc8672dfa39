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
import { startEdgeSubject } from './edge-subject.ts';
import { type Growth, growthLine, growthTable, measureGrowth } from './growth.ts';
import { growthPicture } from './growth-picture.ts';
import { measureLimit } from './limit.ts';
import { SEGMENT_BYTES, startOrigin } from './origin-process.ts';
import { startReference } from './reference-nginx.ts';
import { measureSecondViewer } from './second-viewer.ts';
import type { Started } from './subject.ts';

/** What `npm run bench -- edge:NAME` can measure by itself. */
export const EDGE_PARTS = ['bytes', 'viewers', 'second', 'answers', 'limit', 'growth'] as const;
/** A part of the edge's bench. */
export type EdgePart = (typeof EDGE_PARTS)[number];

/** Loopback addresses: each subject has ports for viewers of its own. */
const ADDRESSES = { edge: '127.0.70.1', reference: '127.0.70.2' } as const;
/** As many as an edge takes by itself on this machine's two cores. */
const WORKERS = 2;
/** Written by each run, and kept where the documentation shows it. */
const PICTURE = 'docs/edge-growth.svg';
const SECOND_VIEWER_CHANNELS = 10;

/**
 * An edge on loopback, its real nginx and the image's sidecar, beside nginx alone before the same source.
 * @param started is told of everything that has to be ended
 */
export async function measureEdge(
  root: string,
  progress: Progress,
  wanted: readonly EdgePart[],
  started: Started,
): Promise<Measurement[]> {
  await bundle(root, ['edge'], () => {});
  const rows = wanted.some((part) => part !== 'growth') ? await measureBeside(root, progress, wanted, started) : [];
  if (!wanted.includes('growth')) return rows;
  const growth = await progress.step('measure growth', 120, () =>
    measureGrowth(root, started, (row) => progress.note(`    ${growthLine(row)}`)),
  );
  progress.note(`\n${growthTable(growth)}\n`);
  const picture = growthPicture(growth.filter(({ channels }) => channels === 1));
  await writeFile(join(root, PICTURE), picture);
  progress.note(`  ${PICTURE} shows it`);
  return [...rows, ...memoryRows(growth)];
}

async function measureBeside(
  root: string,
  progress: Progress,
  wanted: readonly EdgePart[],
  started: Started,
): Promise<Measurement[]> {
  const originUrl = await startOrigin(started, SEGMENT_BYTES);
  const options = { root, originUrl, channels: SECOND_VIEWER_CHANNELS, workers: WORKERS };
  const edge = await startEdgeSubject(started, ADDRESSES.edge, options);
  const files = `${edge.programs.mediaDirectory}/live`;
  const reference = await startReference(started, ADDRESSES.reference, { originUrl, files, workers: WORKERS });
  // Somebody always watches, so that there are segments to fetch.
  const [watcher] = startAudience(edge, { viewers: 1, channels: 1, arrivalsPerSecond: 1 });
  started.add(watcher, async () => watcher?.stop());
  await until('the edge publishes', 30, () => (watcher?.report().polls ?? 0) > 0);
  const parts: Readonly<Record<Exclude<EdgePart, 'growth'>, readonly [number, () => Promise<Measurement[]>]>> = {
    bytes: [30, () => measureBytes(edge, reference)],
    answers: [50, () => measureAnswers(started, edge)],
    second: [25, () => measureSecondViewer(edge, reference)],
    viewers: [80, () => measureViewers(started, edge, reference)],
    limit: [60, () => measureLimit(started, edge, reference)],
  };
  const rows: Measurement[] = [];
  for (const [name, [usualSeconds, measure]] of Object.entries(parts)) {
    if (!wanted.includes(name as EdgePart)) continue;
    // The others are worth having without it; nothing is where people end the program.
    const failed = (error: unknown) => {
      started.check();
      return [{ what: name, measured: `failed: ${messageOf(error)}`, reference: '' }];
    };
    const found = await progress.step(`measure ${name}`, usualSeconds, measure).catch(failed);
    for (const { what, measured, reference } of found) progress.note(`    ${what}: ${measured}; ${reference}`);
    rows.push(...found);
  }
  return rows;
}

/** The goal for the sidecar's memory: 60 MB and a kilobyte per viewer. */
function memoryRows(growth: readonly Growth[]): Measurement[] {
  const byViewers = growth.filter(({ channels }) => channels === 1);
  return [byViewers[0], byViewers.at(-1)].flatMap((row) => {
    if (row === undefined) return [];
    const { viewers, sidecarMegabytes, sidecarOwnMegabytes } = row;
    const goal = 60 + viewers / 1000;
    return {
      what: `resident memory of the sidecar, ${viewers} viewers`,
      measured: `${sidecarMegabytes.toFixed(0)} MB, ${sidecarOwnMegabytes.toFixed(0)} MB without the text of programs`,
      reference: `goal ${goal.toFixed(0)} MB: ${verdict(sidecarMegabytes <= goal)}`,
    };
  });
}
