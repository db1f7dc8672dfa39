import { createLightClients } from '../../viewer/light-client.ts';
import { parseMediaPlaylist } from '../../viewer/media-playlist.ts';
import type { Measurement } from '../statistics.ts';
import { type EdgeSubject, NAMESPACE } from './edge-subject.ts';
import { hammer, type Work } from './hammer.ts';
import { cpuSecondsOf } from './processes.ts';
import type { Subject } from './subject.ts';

/** They take turns, so that what else the machine does meets both. */
const TURNS = 2;

/** Cached segments: bytes per CPU-second of all processes of the edge, and of nginx alone with the same files. */
export async function measureBytes(edge: EdgeSubject, reference: Subject): Promise<Measurement[]> {
  const totals = { edge: nothing(), reference: nothing() };
  let sidecarSeconds = 0;
  for (let turn = 0; turn < TURNS; turn += 1) {
    const sidecarBefore = cpuSecondsOf([edge.sidecarPid]);
    totals.edge = sum(totals.edge, await fetchAll(`${edge.url}/live`, await segmentPaths(edge), edge.groups));
    sidecarSeconds += cpuSecondsOf([edge.sidecarPid]) - sidecarBefore;
    totals.reference = sum(
      totals.reference,
      await fetchAll(`${reference.url}/files`, await segmentPaths(edge), reference.groups),
    );
  }
  const [measured, beside] = [totals.edge, totals.reference].map(({ bytes, cpuSeconds }) => bytes / cpuSeconds / 1e9);
  return [
    {
      what: 'cached segments per CPU-second, whole edge pod',
      // It follows the source meanwhile, which takes the longer the more a machine does other things.
      measured: `${measured?.toFixed(2)} GB (${((measured ?? 0) / (beside ?? 1)).toFixed(2)} x), ${sidecarSeconds.toFixed(2)} s of ${totals.edge.cpuSeconds.toFixed(2)} s in the sidecar`,
      reference: `nginx alone, same files: ${beside?.toFixed(2)} GB; goal 0.95 x`,
    },
  ];
}

/** Below /live: the newest ones, which stay for a while. */
async function segmentPaths(edge: EdgeSubject): Promise<readonly string[]> {
  const answer = await fetch(`${edge.url}/live/${NAMESPACE}/c0/source.m3u8`);
  const { entries } = parseMediaPlaylist(await answer.text());
  return entries.slice(-6).map(({ uri }) => `${NAMESPACE}/c0/${uri}`);
}

function fetchAll(base: string, paths: readonly string[], groups: readonly number[]): Promise<Work> {
  return hammer(
    createLightClients(),
    (client, connection, round, signal) =>
      client.get(`${base}/${paths[(connection + round) % paths.length]}`, signal, true),
    groups,
  );
}

function nothing(): Work {
  return { answers: 0, bytes: 0, cpuSeconds: 0 };
}

function sum(one: Work, other: Work): Work {
  return {
    answers: one.answers + other.answers,
    bytes: one.bytes + other.bytes,
    cpuSeconds: one.cpuSeconds + other.cpuSeconds,
  };
}
