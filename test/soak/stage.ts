import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../cluster/process/command.ts';
import type { Progress } from '../cluster/progress.ts';
import { waitForProbe } from '../e2e/channel-state.ts';
import { channelManifest, namespaceManifest } from '../e2e/manifests.ts';
import type { Platform, PlatformObject } from '../e2e/platform/platform.ts';
import { createStandalonePlatform } from '../e2e/platform/standalone.ts';
import { startStandaloneOperator } from '../e2e/standalone-operator.ts';
import { SYSTEM_NAMESPACE } from '../install/install.ts';
import { eventually } from '../install/kubectl.ts';
import { prepareStandalone } from '../standalone/set-up.ts';
import { edgePods } from './edges.ts';
import { collectedOptions, heldBy } from './held.ts';

/** What viewers watch: the channel of all of them, and one of a few that is in Direct while only one watches. */
export const NAMESPACE = 'soak';
/** Name of the channel that all viewers watch. */
export const BUSY = 'busy';
/** Name of the channel that stays in Direct while one viewer watches. */
export const QUIET = 'quiet';
/** The rung of the busy channel; the source's own segments unless it is transcoded. */
export const RUNG = '64p';
/** Edges beside each other: an owner and two that follow it. */
export const EDGES = 3;
/** Of the busy channel's playlist at the source. */
const SOURCE_PATH = '/soak/film/index.m3u8';
/** Short, so that every minute sees a switch. */
const HYSTERESIS_SECONDS = 5;

/** A running Sluice. */
export interface Stage {
  readonly platform: Platform;
  readonly operatorPid: number;
  /** IPv4 address at which edges find the busy channel's source, which nothing else uses. */
  readonly sourceAddress: string;
  /** Its playlist. */
  readonly sourceUrl: string;
  /** Where programs say what they hold, see {@link heldBy}. */
  readonly heldFolder: string;
  stop(): Promise<void>;
}

/**
 * Starts operator, sources and three edges.
 * @param transcodeAt viewers from which the busy channel is transcoded
 */
export async function startStage(root: string, transcodeAt: number, progress: Progress): Promise<Stage> {
  const settings = await prepareStandalone(progress);
  const folder = await mkdtemp(join(tmpdir(), 'sluice-soak-'));
  try {
    const film = join(folder, 'film.mp4');
    await progress.step('make a film of few bits', 5, () => shrink(settings.SLUICE_FILM ?? '', film));
    const operator = await progress.step('start the operator and its pods', 12, () =>
      startStandaloneOperator({
        root,
        artifactFolder: join(tmpdir(), `sluice-soak-${process.pid}`),
        variables: { ...process.env, ...settings, SLUICE_FILM: film, NODE_OPTIONS: collectedOptions(root, folder) },
      }),
    );
    const { environment, pid } = operator;
    const stop = () => operator.stop().finally(() => rm(folder, { recursive: true, force: true }));
    const platform = createStandalonePlatform(environment);
    const source = environment.source.url;
    const sources = { sourceAddress: new URL(source).hostname, sourceUrl: `${source}${SOURCE_PATH}` };
    const stage = { platform, operatorPid: pid, ...sources, heldFolder: folder, stop };
    await progress
      .step('three edges and two channels', 20, () => setUp(platform, transcodeAt, { root, heldFolder: folder }))
      .catch(async (error) => {
        await stop();
        throw error;
      });
    return stage;
  } catch (error) {
    if (existsSync(folder)) await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

/** Few enough bits that thousands of viewers and their edges find room on one machine: 100 kbit/s. */
async function shrink(film: string, into: string): Promise<void> {
  const picture = ['-vf', 'scale=160:90', '-c:v', 'libx264', '-preset', 'veryfast', '-b:v', '50k', '-maxrate', '60k'];
  const groups = ['-bufsize', '60k', '-g', '50', '-keyint_min', '50', '-sc_threshold', '0', '-bf', '2'];
  // As in encode.sh: without the priming packet, which lies before zero, the loop would be longer than the film.
  const sound = ['-c:a', 'aac', '-ac', '1', '-b:a', '24k', '-bsf:a', 'noise=drop=lt(pts\\,0)'];
  await run('ffmpeg', ['-v', 'error', '-nostdin', '-i', film, ...picture, ...groups, ...sound, into]);
}

interface Held {
  readonly root: string;
  readonly heldFolder: string;
}

async function setUp(platform: Platform, transcodeAt: number, held: Held): Promise<void> {
  await setUpEdges(platform, held);
  const delivery = { hysteresisSeconds: HYSTERESIS_SECONDS };
  const transcode = { preset: 'ultrafast', ladder: [{ name: RUNG, height: 64, bitrateBps: 50_000 }] };
  const busy = {
    delivery: { ...delivery, minimumMode: 'Proxy', thresholds: { proxy: 2, transcode: transcodeAt } },
    transcode,
  };
  // The source of the demo, so that a connection to the other one tells who owns the busy channel.
  const demo = 'http://demo-source.demo.svc/film/index.m3u8';
  const uri = `${platform.source.url}${SOURCE_PATH}`;
  await platform.apply(
    [
      namespaceManifest(NAMESPACE),
      channelManifest({ namespace: NAMESPACE, name: BUSY, uri, spec: busy }),
      channelManifest({
        ...{ namespace: NAMESPACE, name: QUIET, uri: demo },
        spec: { delivery: { ...delivery, maximumMode: 'Proxy', thresholds: { proxy: 2, transcode: 100 } } },
      }),
    ].join('---\n'),
  );
  for (const channel of [BUSY, QUIET]) await waitForProbe(platform, NAMESPACE, channel);
}

interface EdgeDeployment extends PlatformObject {
  readonly spec: {
    readonly template: {
      readonly spec: {
        readonly initContainers: readonly { readonly name: string; readonly env?: readonly object[] }[];
      };
    };
  };
}

/** Replaces the edges by three whose sidecars say what they hold, and waits until each of them has. */
async function setUpEdges(platform: Platform, { root, heldFolder }: Held): Promise<void> {
  const name = 'sluice-edge';
  const deployment = await platform.get<EdgeDeployment>('Deployment', SYSTEM_NAMESPACE, name);
  const initContainers = deployment?.spec.template.spec.initContainers.map((container) => {
    if (container.name !== 'sidecar') return container;
    const options = { name: 'NODE_OPTIONS', value: collectedOptions(root, heldFolder) };
    return { ...container, env: [...(container.env ?? []), options] };
  });
  const spec = { replicas: EDGES, template: { spec: { initContainers } } };
  await platform.patch('Deployment', SYSTEM_NAMESPACE, name, { spec });
  const look = async (): Promise<true | null> => {
    const edges = await edgePods(platform);
    const says = edges.filter(
      ({ isReady, groups }) => isReady && heldBy(heldFolder, groups.get('sidecar') ?? 0) !== null,
    );
    return edges.length === EDGES && says.length === EDGES ? true : null;
  };
  await eventually(`${EDGES} edges are ready, and say what they hold`, look, { timeoutSeconds: 90 });
}
