import { setTimeout as sleep } from 'node:timers/promises';
import { createLightClients } from '../../viewer/light-client.ts';
import { parseMediaPlaylist } from '../../viewer/media-playlist.ts';
import { type Measurement, percentile } from '../statistics.ts';
import { verdict } from './comparison.ts';
import { NAMESPACE } from './edge-subject.ts';
import type { Subject } from './subject.ts';

const CHANNELS = 10;
const SECONDS = 24;
const POLL_MILLISECONDS = 100;

/** How long the second of two viewers waits, who ask for a new segment in the moment in which a playlist names it. */
export async function measureSecondViewer(edge: Subject, reference: Subject): Promise<Measurement[]> {
  const [measured, beside] = await Promise.all([waitsOf(edge), waitsOf(reference)]);
  const isLess = [0.5, 0.99].every((share) => percentile(measured, share) < percentile(beside, share));
  const text = (waits: readonly number[]) =>
    `median ${percentile(waits, 0.5).toFixed(1)} ms, p99 ${percentile(waits, 0.99).toFixed(1)} ms`;
  return [
    {
      what: `wait of the second viewer for a new segment of 750 kB, ${measured.length} segments`,
      measured: text(measured),
      reference: `nginx alone with proxy_cache_lock: ${text(beside)}`,
      goal: `less, ${verdict(isLess)}`,
    },
  ];
}

async function waitsOf(subject: Subject): Promise<readonly number[]> {
  const channels = Array.from({ length: CHANNELS }, (_, index) => waitsOfChannel(subject, `c${index}`));
  return (await Promise.all(channels)).flat();
}

async function waitsOfChannel(subject: Subject, channel: string): Promise<readonly number[]> {
  const createClient = createLightClients();
  const [first, second] = [createClient(), createClient()];
  const { signal } = new AbortController();
  const base = `${subject.url}/live/${NAMESPACE}/${channel}/`;
  const waits: number[] = [];
  let known = Number.POSITIVE_INFINITY;
  for (const deadline = performance.now() + SECONDS * 1000; performance.now() < deadline; ) {
    const answer = await first.get(`${base}source.m3u8?session=first-${channel}`, signal);
    const newest = answer.status === 200 ? parseMediaPlaylist(answer.body.toString()).entries.at(-1) : undefined;
    if (newest !== undefined && newest.msn > known) {
      const asked = [first, second].map((client) => client.get(new URL(newest.uri, base).href, signal, true));
      const startedAt = performance.now();
      const done = await Promise.all(
        asked.map((one) => one.then(({ status }) => [status, performance.now()] as const)),
      );
      for (const [status] of done) if (status !== 200) throw new Error(`${base}${newest.uri} answered ${status}`);
      waits.push((done[1]?.[1] ?? Number.NaN) - startedAt);
    }
    known = newest?.msn ?? known;
    await sleep(POLL_MILLISECONDS);
  }
  await Promise.all([first.close(), second.close()]);
  return waits;
}
