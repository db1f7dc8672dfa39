import { createLightClients } from '../../viewer/light-client.ts';
import { parseMediaPlaylist } from '../../viewer/media-playlist.ts';
import type { Measurement } from '../statistics.ts';
import { compared } from './comparison.ts';
import { type EdgeSubject, NAMESPACE } from './edge-subject.ts';
import { hammer, type Work } from './hammer.ts';
import type { Subject } from './subject.ts';
import { inTurns, ratioOf } from './turns.ts';

/** Cached segments: bytes per CPU-second of all processes of the edge, and of nginx alone with the same files. */
export async function measureBytes(edge: EdgeSubject, reference: Subject): Promise<Measurement[]> {
  const turns = await inTurns(
    async () => fetchAll(`${edge.url}/live`, await segmentPaths(edge), edge.groups),
    async () => fetchAll(`${reference.url}/files`, await segmentPaths(edge), reference.groups),
  );
  const text = (works: readonly Work[]): string => {
    const total = (pick: (work: Work) => number): number => works.reduce((sum, work) => sum + pick(work), 0);
    return `${(total(({ bytes }) => bytes) / total(({ cpuSeconds }) => cpuSeconds) / 1e9).toFixed(2)} GB`;
  };
  return [
    compared({
      what: 'cached segments per CPU-second of the whole edge pod',
      measured: text(turns.subject),
      reference: `nginx alone, same files: ${text(turns.reference)}`,
      ratio: ratioOf(turns, ({ bytes, cpuSeconds }) => [bytes, cpuSeconds]),
      goal: { atLeast: 0.95 },
    }),
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
