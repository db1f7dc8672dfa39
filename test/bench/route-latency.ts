import { setTimeout as sleep } from 'node:timers/promises';
import { request } from 'undici';
import { channelManifest } from '../e2e/manifests.ts';
import { eventually, type Kubectl } from '../install/kubectl.ts';
import { type Measurement, percentile } from './statistics.ts';

const NAMESPACE = 'bench';
const CHANNELS = 100;
const SOURCE = 'http://demo-source.demo.svc/film/index.m3u8';
/** Often enough not to blur a goal of 250 ms. */
const POLL_MILLISECONDS = 5;

/**
 * Second viewer's heartbeat -> the edge has the new route, for each of 100 Channels (hysteresis 0): through counting,
 * link, decision and route. Reference: the poll that notices it, by itself.
 */
export async function measureRouteLatency(kubectl: Kubectl, edgeUrl: string): Promise<Measurement[]> {
  const names = Array.from({ length: CHANNELS }, (_, index) => `channel-${index}`);
  const spec = { delivery: { hysteresisSeconds: 0 }, viewers: { heartbeatSeconds: 30, timeoutSeconds: 60 } };
  const manifests = names.map((name) => channelManifest({ namespace: NAMESPACE, name, uri: SOURCE, spec }));
  await kubectl.run(['create', 'namespace', NAMESPACE]);
  try {
    await kubectl.run(['apply', '--server-side', '-f', '-'], manifests.join('---\n'));
    for (const name of names) {
      await eventually(`the edge knows ${name}`, async () => ((await statusOf(edgeUrl, name)) === null ? null : true), {
        timeoutSeconds: 60,
      });
    }
    const direct: number[] = [];
    const promotions: number[] = [];
    const polls: number[] = [];
    for (const name of names) {
      direct.push(await timeToMode(edgeUrl, name, 'first', 'direct'));
      promotions.push(await timeToMode(edgeUrl, name, 'second', 'proxy'));
      const started = performance.now();
      await statusOf(edgeUrl, name);
      polls.push(performance.now() - started);
    }
    const text = (samples: readonly number[]) =>
      `median ${percentile(samples, 0.5).toFixed(0)} ms, p99 ${percentile(samples, 0.99).toFixed(0)} ms`;
    return [
      {
        what: `first viewer -> route at the edge, ${CHANNELS} Channels`,
        measured: text(direct),
        reference: `one status request: ${text(polls)}`,
      },
      {
        what: `threshold crossed -> new route at the edge, ${CHANNELS} Channels`,
        measured: text(promotions),
        reference: 'goal p99 250 ms',
      },
    ];
  } finally {
    await kubectl.run(['delete', 'namespace', NAMESPACE, '--wait=true', '--timeout=180s']);
  }
}

/** The mode that the edge has been told for a channel; null while it does not know it. */
async function statusOf(edgeUrl: string, name: string): Promise<string | null> {
  const answer = await request(`${edgeUrl}/api/stream/${NAMESPACE}/${name}/status`);
  const body = (await answer.body.json()) as { targetMode?: string };
  return answer.statusCode === 200 ? (body.targetMode ?? null) : null;
}

async function timeToMode(edgeUrl: string, name: string, viewer: string, mode: string): Promise<number> {
  const body = JSON.stringify({ channelId: `${NAMESPACE}/${name}`, sessionId: `bench-${viewer}` });
  const started = performance.now();
  const answer = await request(`${edgeUrl}/api/stream/heartbeat`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
  });
  await answer.body.dump();
  while ((await statusOf(edgeUrl, name)) !== mode) {
    if (performance.now() - started > 10_000) throw new Error(`${name} did not reach ${mode} within 10 s`);
    await sleep(POLL_MILLISECONDS);
  }
  return performance.now() - started;
}
