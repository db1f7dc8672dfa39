import { describe, expect, test } from '@jest/globals';
import { jobSchema } from '@sluice/common/work/contract.ts';
import { buildSession } from '../../channel/build/session.ts';
import { channelFixture } from '../../testing/fixtures.ts';
import { buildPod } from './pod.ts';
import { buildSecret } from './secret.ts';

const SETTINGS = { image: 'sluice/transcoder:1', pullPolicy: 'Never', edgeUrl: 'http://edge:8081' } as const;
const RUNG = { name: '480p', height: 480, bitrateBps: 1_200_000, audioBitrateBps: 128_000 };
const SESSION = (() => {
  const tolerations = [{ key: 'gpu', operator: 'Exists' as const }];
  const channel = channelFixture({ transcode: { nodeSelector: { disk: 'fast' }, tolerations } });
  const built = buildSession(channel, 'film-7', [RUNG]);
  return { ...built, metadata: { ...built.metadata, uid: 's7' } };
})();

/** The parts of a pod's manifest that the tests look at. */
interface Manifest {
  readonly metadata: {
    readonly name: string;
    readonly labels: Record<string, string>;
    readonly ownerReferences: object[];
  };
  readonly spec: {
    readonly automountServiceAccountToken: boolean;
    readonly terminationGracePeriodSeconds: number;
    readonly nodeSelector: Record<string, string>;
    readonly tolerations: readonly { key: string; tolerationSeconds?: number }[];
    readonly securityContext: object;
    readonly containers: readonly {
      readonly env: readonly { name: string; value: string }[];
      readonly securityContext: object;
      readonly lifecycle: object;
      readonly terminationMessagePolicy: string;
      readonly resources: object;
    }[];
    readonly volumes: readonly object[];
  };
}

const POD = buildPod(SESSION, 2, null, SETTINGS) as unknown as Manifest;
const AGENT = POD.spec.containers[0];
const ENVIRONMENT = Object.fromEntries((AGENT?.env ?? []).map(({ name, value }) => [name, value]));

describe('the transcode pod', () => {
  test('is named after session and attempt, and owned by the session', () => {
    expect(POD.metadata).toMatchObject({
      name: 'film-7-2',
      labels: {
        'app.kubernetes.io/managed-by': 'sluice',
        'sluice.dev/channel': 'film',
        'sluice.dev/session': 'film-7',
        'sluice.dev/attempt': '2',
      },
      ownerReferences: [{ kind: 'StreamSession', name: 'film-7', uid: 's7', controller: true }],
    });
  });

  test('tells the agent where the edges are and what to do, but not the token', () => {
    expect(ENVIRONMENT).toMatchObject({
      SLUICE_EDGE_URL: 'http://edge:8081',
      SLUICE_SESSION_NAMESPACE: 'tv',
      SLUICE_SESSION_NAME: 'film-7',
      SLUICE_ATTEMPT: '2',
      SLUICE_TOKEN_FILE: '/etc/sluice/token/token',
      SLUICE_GRACE_SECONDS: '60',
    });
    const job = jobSchema.parse(JSON.parse(ENVIRONMENT.SLUICE_JOB ?? ''));
    expect(job).toMatchObject({ rungs: [RUNG], preset: 'veryfast' });
    expect(job.encoders.at(-1)).toBe('libx264');
    expect(POD.spec.volumes).toContainEqual({ name: 'token', secret: { secretName: 'film-7', defaultMode: 0o440 } });
  });

  test('is admitted by Pod Security "restricted" and holds no Kubernetes credentials', () => {
    expect(POD.spec.automountServiceAccountToken).toBe(false);
    expect(POD.spec.securityContext).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } });
    expect(AGENT?.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
  });

  test('leaves the end of its log where its status tells why it died', () => {
    expect(AGENT?.terminationMessagePolicy).toBe('FallbackToLogsOnError');
  });

  test('drains before it ends', () => {
    expect(AGENT?.lifecycle).toEqual({ preStop: { exec: { command: ['node', '/app/agent.js', 'drain'] } } });
    expect(POD.spec.terminationGracePeriodSeconds).toBe(60);
  });

  test('goes where the Channel wants it and leaves a lost node quickly', () => {
    expect(POD.spec.nodeSelector).toEqual({ 'kubernetes.io/os': 'linux', disk: 'fast' });
    const keys = POD.spec.tolerations.map(({ key, tolerationSeconds }) => [key, tolerationSeconds]);
    expect(keys).toEqual([
      ['node.kubernetes.io/not-ready', 10],
      ['node.kubernetes.io/unreachable', 10],
      ['gpu', undefined],
    ]);
    expect(AGENT?.resources).toEqual({ requests: { cpu: '1', memory: '512Mi' }, limits: { memory: '2Gi' } });
  });

  test('finds its token in the Secret of the session', () => {
    expect(buildSecret(SESSION, 'secret')).toMatchObject({
      metadata: { name: 'film-7', namespace: 'tv', ownerReferences: [{ uid: 's7' }] },
      data: { token: Buffer.from('secret').toString('base64') },
    });
  });
});
