import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { SYSTEM_NAMESPACE } from '../install/install.ts';
import { eventually } from '../install/kubectl.ts';
import { podsOf } from '../install/pods.ts';
import { channelStatus } from './channel-state.ts';
import { readEnvironment, readPlatform } from './environment.ts';
import { channelManifest } from './manifests.ts';

const { kubectl, source } = readEnvironment();
const platform = readPlatform();
const NAMESPACE = 'seen';
const FILM = `${source.url}/film/index.m3u8`;
const OPERATOR = 'deployment/sluice-operator';
const GATES = 'SLUICE_FEATURE_GATES';

/** What a page of a pod's operations port answers, through the API server. */
function operations(pod: string, path: string): Promise<string> {
  return kubectl.run(['get', '--raw', `/api/v1/namespaces/${SYSTEM_NAMESPACE}/pods/${pod}:9090/proxy${path}`]);
}

async function firstPod(component: string): Promise<string> {
  return (await podsOf(kubectl, component))[0] ?? '';
}

/** Names in the tables below a heading of docs/metrics.md. */
function documented(heading: string): readonly string[] {
  const text = readFileSync(join(import.meta.dirname, '../../docs/metrics.md'), 'utf8');
  const section = text.split(/^## /m).find((part) => part.startsWith(`${heading}\n`)) ?? '';
  return [...section.matchAll(/^\| `(\w+)`/gm)].map(([, name = '']) => name);
}

async function apply(name: string, uri: string, spec: object): Promise<void> {
  await kubectl.run(['apply', '-f', '-'], channelManifest({ namespace: NAMESPACE, name, uri, spec }));
}

async function waitForReason(name: string, type: string, reason: string) {
  return eventually(
    `channel ${name} has ${type} with reason ${reason}`,
    async () => {
      const status = await channelStatus(platform, NAMESPACE, name);
      const wanted = status?.conditions?.find((one) => one.type === type && one.reason === reason);
      return wanted?.status === 'False' ? wanted : null; // one failure alone is True: degraded
    },
    { timeoutSeconds: 60 },
    async () => JSON.stringify(await channelStatus(platform, NAMESPACE, name), null, 2),
  );
}

function described(name: string, pattern: RegExp): Promise<true> {
  const look = (): Promise<string> => kubectl.run(['describe', 'channel', name, '-n', NAMESPACE]);
  return eventually(`${pattern} in kubectl describe`, async () => (pattern.test(await look()) ? true : null), {
    timeoutSeconds: 30,
  });
}

beforeAll(async () => {
  await kubectl.run(['create', 'namespace', NAMESPACE]);
});

afterAll(async () => {
  await kubectl.run(['delete', 'namespace', NAMESPACE, '--timeout=120s']);
});

describe('what an operator of the cluster sees', () => {
  test.each([
    ['operator', 'Operator'],
    ['operator', 'Operator: controllers and API server'],
    ['edge', 'Edge'],
  ])('%s pods have every metric of "%s"', async (component, heading) => {
    const text = await operations(await firstPod(component), '/metrics');
    const names = documented(heading);
    expect(names.length).toBeGreaterThan(5);
    expect(names.filter((name) => !text.includes(`# TYPE ${name} `))).toEqual([]);
  });

  test('a source that cannot be read: the condition names the edge, the event the URL', async () => {
    await apply('away', 'http://nowhere.demo.svc/film.m3u8?key=hush', { delivery: { minimumMode: 'Proxy' } });
    const condition = await waitForReason('away', 'SourceHealthy', 'SourceUnreachable');
    expect(condition.message).toMatch(/^edge sluice-edge-\S+ reads the source in vain: /);
    await described('away', /Warning\s+SourceUnreachable .*http:\/\/nowhere\.demo\.svc\/film\.m3u8\?…: /);
  });

  test('a pod that no node takes: the condition names session and pod and quotes the scheduler', async () => {
    const transcode = { nodeSelector: { 'sluice.dev/none': 'such' } };
    await apply('nowhere', FILM, { delivery: { minimumMode: 'Transcode', hysteresisSeconds: 0 }, transcode });
    const condition = await waitForReason('nowhere', 'TranscodeHealthy', 'Unschedulable');
    expect(condition.message).toMatch(/^StreamSession nowhere-1: pod nowhere-1-1: 0\/\d nodes are available/);
    await described('nowhere', /Warning\s+PodNotStarted .*pod nowhere-1-1: 0\/\d nodes are available/);
  });
});

describe('the debug pages', () => {
  afterAll(async () => {
    await kubectl.run(['set', 'env', OPERATOR, '-n', SYSTEM_NAMESPACE, `${GATES}=`]);
    await kubectl.run(['rollout', 'status', OPERATOR, '-n', SYSTEM_NAMESPACE, '--timeout=120s']);
  });

  test('are not there by default', async () => {
    await expect(operations(await firstPod('operator'), '/debug/routes')).rejects.toThrow(
      /not found|404|could not find/i,
    );
  });

  test('show routes without credentials, queues and decisions where the gate is on', async () => {
    await kubectl.run(['set', 'env', OPERATOR, '-n', SYSTEM_NAMESPACE, `${GATES}=DebugPages=true`]);
    await kubectl.run(['rollout', 'status', OPERATOR, '-n', SYSTEM_NAMESPACE, '--timeout=120s']);
    const routes = await eventually(
      'the new operator shows the routes',
      async () => {
        const text = await operations(await firstPod('operator'), '/debug/routes');
        return text.includes(`"${NAMESPACE}/away"`) ? text : null;
      },
      { timeoutSeconds: 60 },
    );
    expect(routes).not.toContain('hush');
    const queues = JSON.parse(await operations(await firstPod('operator'), '/debug/queues'));
    expect(Object.keys(queues)).toEqual(['channel', 'channel-writes', 'session']);
    const decisions = JSON.parse(await operations(await firstPod('operator'), '/debug/decisions'));
    expect(decisions).toContainEqual(expect.objectContaining({ channel: `${NAMESPACE}/away`, to: 'Proxy' }));
  });
});
