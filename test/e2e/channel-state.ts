import { eventually } from '../install/kubectl.ts';
import type { Platform, PlatformObject } from './platform/platform.ts';

/** A condition of a Channel. */
export interface ConditionView {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
  readonly observedGeneration?: number;
}

/** The parts of a Channel's status that the suites look at. */
export interface ChannelStatusView {
  readonly mode?: string;
  readonly desiredMode?: string;
  readonly viewers?: { readonly count?: number; readonly peak?: number; readonly state?: string };
  readonly source?: { readonly facts?: object; readonly health?: { readonly state: string; readonly reason: string } };
  readonly url?: string;
  readonly epoch?: number;
  readonly lastMsn?: number;
  readonly conditions?: readonly ConditionView[];
  readonly decisions?: readonly { readonly to: string; readonly reason: string }[];
}

interface EventView extends PlatformObject {
  readonly reason: string;
  readonly note: string;
  readonly regarding: { readonly kind: string; readonly name: string };
}

/** Status of a Channel; null while there is no Channel or no status. */
export async function channelStatus(
  platform: Platform,
  namespace: string,
  name: string,
): Promise<ChannelStatusView | null> {
  const channel = await platform.get<PlatformObject & { status?: ChannelStatusView }>('Channel', namespace, name);
  return channel?.status ?? null;
}

/**
 * Waits until a Channel's status is as wanted.
 * @param what a sentence's end: "is in mode Proxy"
 * @param look answers with what it has found in the status, null where it is not as wanted yet
 * @throws SluiceError `WAIT_TIMEOUT` with the status at the end
 */
export function waitForStatus<T>(
  platform: Platform,
  channel: { readonly namespace: string; readonly name: string },
  what: string,
  look: (status: ChannelStatusView) => T | null,
  timeoutSeconds: number,
): Promise<T> {
  const { namespace, name } = channel;
  return eventually(
    `channel ${namespace}/${name} ${what}`,
    async () => {
      const status = await channelStatus(platform, namespace, name);
      return status === null ? null : look(status);
    },
    { timeoutSeconds },
    async () => JSON.stringify(await channelStatus(platform, namespace, name), null, 2),
  );
}

/** Waits until the Channel is delivered in a mode. @throws SluiceError `WAIT_TIMEOUT` with the status at the end */
export function waitForMode(
  platform: Platform,
  namespace: string,
  name: string,
  mode: string,
  timeoutSeconds: number,
): Promise<ChannelStatusView> {
  const inMode = (status: ChannelStatusView) => (status.mode === mode ? status : null);
  return waitForStatus(platform, { namespace, name }, `is in mode ${mode}`, inMode, timeoutSeconds);
}

/** Waits until the source of a Channel has been probed. @throws SluiceError `WAIT_TIMEOUT` with the status at the end */
export async function waitForProbe(platform: Platform, namespace: string, name: string): Promise<void> {
  const probed = (status: ChannelStatusView) => (status.source?.facts === undefined ? null : true);
  await waitForStatus(platform, { namespace, name }, 'has a source that is probed', probed, 60);
}

/** Waits for a condition of a Channel. @throws SluiceError `WAIT_TIMEOUT` with the status at the end */
export function waitForCondition(
  platform: Platform,
  channel: { readonly namespace: string; readonly name: string },
  type: string,
  status: string,
  timeoutSeconds = 60,
): Promise<ConditionView> {
  const wanted = ({ conditions = [] }: ChannelStatusView) =>
    conditions.find((condition) => condition.type === type && condition.status === status) ?? null;
  return waitForStatus(platform, channel, `has ${type}=${status}`, wanted, timeoutSeconds);
}

/** Names of the transcode pods of a channel, ended ones too. @param channel all of the namespace if left out */
export async function sessionPods(platform: Platform, namespace: string, channel?: string): Promise<string[]> {
  const ofChannel = channel === undefined ? '' : `,sluice.dev/channel=${channel}`;
  const selector = `app.kubernetes.io/managed-by=sluice${ofChannel}`;
  return (await platform.list('Pod', namespace, selector)).map((pod) => pod.metadata.name);
}

/** Waits until no transcode pod of a channel is left. @throws SluiceError `WAIT_TIMEOUT` naming those that are */
export async function waitForNoPods(platform: Platform, namespace: string, channel: string): Promise<void> {
  await eventually(
    `the transcode pods of ${namespace}/${channel} are gone`,
    async () => ((await sessionPods(platform, namespace, channel)).length === 0 ? true : null),
    { timeoutSeconds: 90 },
    async () => (await sessionPods(platform, namespace, channel)).join(', '),
  );
}

/** What the Events on a Channel say, as `<reason> <note>`, in no order. */
export async function eventsOf(platform: Platform, namespace: string, channel: string): Promise<string[]> {
  const events = await platform.list<EventView>('Event', namespace);
  return events
    .filter(({ regarding }) => regarding.kind === 'Channel' && regarding.name === channel)
    .map(({ reason, note }) => `${reason} ${note}`);
}
