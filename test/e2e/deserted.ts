import { eventually } from '../install/kubectl.ts';
import { startViewer } from '../viewer/viewer.ts';
import { sessionPods, waitForMode, waitForNoPods, waitForProbe } from './channel-state.ts';
import { channelManifest, namespaceManifest } from './manifests.ts';
import type { Platform } from './platform/platform.ts';

const CHANNEL = 'deserted';
const RUNG = '240p';
const THRESHOLDS = { proxy: 2, transcode: 3 };
/** Beside another transcode the node of a test has little room. */
const SMALL_RESOURCES = { requests: { cpu: '100m', memory: '64Mi' } };
/** Files are kept for a window of the playlist after they have left it, about half a minute. */
const FILES_GONE_SECONDS = 90;

/** What a channel had while it was watched, and has when all have gone. */
export interface Desertion {
  /** Names of its transcode pods, and paths of its files at the edges, in Transcode. */
  readonly watched: { readonly pods: readonly string[]; readonly files: readonly string[] };
  /** The same once it is Idle and time enough has passed. */
  readonly deserted: { readonly pods: readonly string[]; readonly files: readonly string[] };
  /** What its viewers complained of, in sentences. */
  readonly problems: readonly string[];
}

/**
 * Lets an audience watch a channel of its own up to Transcode, and leave all at once.
 * @param namespace made for it, and deleted at the end; also its path at the source
 * @throws SluiceError `WAIT_TIMEOUT` where a mode does not come, or something of the channel stays
 */
export async function desert(platform: Platform, namespace: string): Promise<Desertion> {
  const { edgeUrl, addresses, source, pace } = platform;
  const uri = `${source.url}/${namespace}/film/index.m3u8`;
  const spec = {
    delivery: { hysteresisSeconds: pace.hysteresisSeconds, thresholds: THRESHOLDS },
    transcode: {
      ladder: [{ name: RUNG, height: 240, bitrateBps: 300_000 }],
      preset: pace.preset,
      resources: SMALL_RESOURCES,
    },
  };
  await platform.apply(namespaceManifest(namespace));
  await platform.apply(channelManifest({ namespace, name: CHANNEL, uri, spec }));
  await waitForProbe(platform, namespace, CHANNEL);
  const viewers = Array.from({ length: THRESHOLDS.transcode }, (_, index) =>
    startViewer({ edgeUrl, namespace, channel: CHANNEL, session: `deserted-${index}`, rung: RUNG, addresses }),
  );
  const filesOfRung = async () => {
    const files = await platform.filesOfChannel(namespace, CHANNEL);
    return files.some((file) => file.includes(`/${RUNG}/`)) ? files : null;
  };
  try {
    await waitForMode(platform, namespace, CHANNEL, 'Transcode', 150);
    const files = await eventually('a rung has a file', filesOfRung, { timeoutSeconds: 20 });
    const watched = { pods: await sessionPods(platform, namespace, CHANNEL), files };
    await Promise.all(viewers.map((viewer) => viewer.stop()));
    const deserted = await whatIsLeft(platform, namespace);
    return { watched, deserted, problems: viewers.flatMap(({ record }) => record.problems) };
  } finally {
    await Promise.all(viewers.map((viewer) => viewer.stop()));
    await platform.delete('Namespace', '', namespace);
  }
}

async function whatIsLeft(platform: Platform, namespace: string): Promise<Desertion['deserted']> {
  await waitForMode(platform, namespace, CHANNEL, 'Idle', 60);
  await waitForNoPods(platform, namespace, CHANNEL);
  const files = await eventually(
    'the channel has no file at the edges',
    async () => {
      const found = await platform.filesOfChannel(namespace, CHANNEL);
      return found.length === 0 ? found : null;
    },
    { timeoutSeconds: FILES_GONE_SECONDS },
    async () => (await platform.filesOfChannel(namespace, CHANNEL)).join('\n'),
  );
  return { pods: await sessionPods(platform, namespace, CHANNEL), files };
}
