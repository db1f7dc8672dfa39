import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { waitForMode } from '../e2e/channel-state.ts';
import type { Platform } from '../e2e/platform/platform.ts';
import { DEMO_NAMESPACE } from '../install/install.ts';
import type { Kubectl } from '../install/kubectl.ts';
import { startViewer } from '../viewer/viewer.ts';
import { cpuSecondsOf, podOf } from './pods.ts';
import type { Measurement } from './statistics.ts';

const VIEWERS = 3;
const MEASURE_SECONDS = 40;

/** CPU of the whole edge pod while three viewers play one channel in Proxy, with the idle pod as reference. */
export async function measureProxyCost(kubectl: Kubectl, platform: Platform): Promise<Measurement[]> {
  const pod = await podOf(kubectl, 'edge');
  const idle = await cpuShare(kubectl, pod);
  const { edgeUrl, addresses, artifactFolder } = platform;
  const viewers = Array.from({ length: VIEWERS }, (_, index) =>
    startViewer({
      edgeUrl,
      namespace: DEMO_NAMESPACE,
      channel: 'film',
      session: `bench-${index}`,
      addresses,
      folder: join(artifactFolder, String(index)),
    }),
  );
  try {
    await Promise.all(viewers.map((viewer) => viewer.started));
    await waitForMode(platform, DEMO_NAMESPACE, 'film', 'Proxy', 30);
    await sleep(5000);
    const bytesBefore = downloaded(viewers);
    const busy = await cpuShare(kubectl, pod);
    const bitrate = ((downloaded(viewers) - bytesBefore) * 8) / MEASURE_SECONDS / VIEWERS / 1e6;
    const percent = (share: number) => `${(share * 100).toFixed(2)} % of a core`;
    return [
      {
        what: `CPU of the edge pod, Proxy, ${VIEWERS} viewers of ${bitrate.toFixed(1)} Mbit/s`,
        measured: percent(busy),
        reference: `idle pod ${percent(idle)}; goal under 2 % at 3 Mbit/s`,
      },
    ];
  } finally {
    await Promise.all(viewers.map((viewer) => viewer.stop()));
  }
}

async function cpuShare(kubectl: Kubectl, pod: string): Promise<number> {
  const total = async () => (await cpuSecondsOf(kubectl, pod, 'nginx')) + (await cpuSecondsOf(kubectl, pod, 'sidecar'));
  const before = await total();
  const started = performance.now();
  await sleep(MEASURE_SECONDS * 1000);
  return ((await total()) - before) / ((performance.now() - started) / 1000);
}

function downloaded(viewers: readonly ReturnType<typeof startViewer>[]): number {
  return viewers.flatMap((viewer) => viewer.record.downloads).reduce((sum, download) => sum + download.bytes, 0);
}
