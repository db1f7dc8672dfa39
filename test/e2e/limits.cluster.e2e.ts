import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { eventually } from '../install/kubectl.ts';
import { channelStatus, sessionPods } from './channel-state.ts';
import { readEnvironment, readPlatform } from './environment.ts';
import { channelManifest } from './manifests.ts';

const { kubectl } = readEnvironment();
const platform = readPlatform();
const NAMESPACE = 'limits';
/** Default of the chart's value `limits.sessionsPerOwner`. */
const PER_OWNER = 5;
const CHANNELS = Array.from({ length: 10 }, (_, index) => `film-${index}`);

interface Session {
  readonly metadata: { readonly name: string };
  readonly spec: { readonly channelRef: { readonly name: string }; readonly priority: number };
  readonly status?: {
    readonly phase?: string;
    readonly podName?: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string; readonly message: string }[];
  };
}

async function sessions(): Promise<readonly Session[]> {
  return (await kubectl.get<{ items: Session[] }>(['ssn', '-n', NAMESPACE]))?.items ?? [];
}

function admission({ status }: Session) {
  return status?.conditions?.find(({ type }) => type === 'Admitted');
}

function waiting(all: readonly Session[]): readonly Session[] {
  return all.filter((session) => admission(session)?.status === 'False');
}

/** A channel that wants its transcode from the start, as cheap as one can be: ten of them fit on a laptop. */
function manifest(name: string, priority: number): string {
  return channelManifest({
    namespace: NAMESPACE,
    name,
    uri: 'http://demo-source.demo.svc/film/index.m3u8',
    spec: {
      delivery: { minimumMode: 'Transcode', hysteresisSeconds: 0 },
      transcode: {
        priority,
        preset: 'ultrafast',
        ladder: [{ name: '64p', height: 64, bitrateBps: 50_000 }],
        resources: { requests: { cpu: '10m', memory: '64Mi' } },
      },
    },
  });
}

beforeAll(async () => {
  await kubectl.run(['create', 'namespace', NAMESPACE]);
});

afterAll(async () => {
  await kubectl.run(['delete', 'namespace', NAMESPACE, '--timeout=120s']);
});

describe('ten channels of one owner that want to be transcoded at once', () => {
  test('five run and five wait, however fast they come', async () => {
    const manifests = CHANNELS.map((name, index) => manifest(name, index === 9 ? 10 : 0));
    await kubectl.run(['create', '-f', '-'], manifests.join('---\n'));
    await eventually(
      'all ten have an answer',
      async () =>
        (await sessions()).filter((session) => admission(session) !== undefined).length === 10 ? true : null,
      { timeoutSeconds: 60 },
      async () => JSON.stringify(await sessions(), null, 2),
    );
    for (let look = 0; look < 5; look += 1) {
      expect((await sessionPods(platform, NAMESPACE)).length).toBeLessThanOrEqual(PER_OWNER);
      await sleep(1000);
    }
    const all = await sessions();
    expect(waiting(all)).toHaveLength(10 - PER_OWNER);
    expect(await sessionPods(platform, NAMESPACE)).toHaveLength(PER_OWNER);
    for (const { status } of waiting(all)) {
      expect(status?.phase).toBe('Pending');
      expect(status?.podName).toBeUndefined();
    }
    expect(waiting(all).map((session) => admission(session)?.message)[0]).toBe(
      '5 StreamSessions of namespace limits run, and the limit is 5: this one starts when one of them ends',
    );
  });

  test('a Channel that waits says so, and goes on without the ladder', async () => {
    const name = waiting(await sessions())[0]?.spec.channelRef.name ?? '';
    const status = await channelStatus(platform, NAMESPACE, name);
    expect(status?.desiredMode).toBe('Transcode');
    expect(status?.mode).not.toBe('Transcode');
    const healthy = status?.conditions?.find(({ type }) => type === 'TranscodeHealthy');
    expect(healthy).toMatchObject({ status: 'False', reason: 'StreamLimitExceeded' });
    const description = await kubectl.run(['describe', 'channel', name, '-n', NAMESPACE]);
    expect(description).toMatch(/Warning\s+LimitExceeded .*StreamSession film-\d-1 waits: 5 StreamSessions/);
  });

  test('one that ends makes room for exactly one, the one with the highest priority', async () => {
    const before = waiting(await sessions());
    const ends = (await sessions()).find((session) => admission(session)?.status === 'True');
    await kubectl.run(['delete', 'channel', ends?.spec.channelRef.name ?? '', '-n', NAMESPACE]);
    const after = await eventually(
      'one fewer waits',
      async () => {
        const left = waiting(await sessions());
        return left.length === before.length - 1 ? left : null;
      },
      { timeoutSeconds: 60 },
    );
    const started = before.filter(({ metadata }) => !after.some((one) => one.metadata.name === metadata.name));
    const highest = Math.max(...before.map(({ spec }) => spec.priority));
    expect(started.map(({ spec }) => spec.priority)).toEqual([highest]);
    const pod = `${started[0]?.metadata.name}-1`;
    await eventually(`pod ${pod}`, async () => ((await sessionPods(platform, NAMESPACE)).includes(pod) ? true : null), {
      timeoutSeconds: 30,
    });
  });
});
