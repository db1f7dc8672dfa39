import { type Job, jobSchema } from '@sluice/common/work/contract.ts';
import { API_VERSION, type StreamSession } from '@sluice/crds';
import { limited } from '../../channel/build/text.ts';
import { ATTEMPT_LABEL, CHANNEL_LABEL, GPU_REFUSAL_ANNOTATION, MANAGED_BY, SESSION_LABEL } from '../../labels.ts';
import type { ApplyConfiguration } from '../../runtime/client/client.ts';
import { CHANNELS_CHOICE, type EncoderPolicy, encodersFor } from './encoders.ts';
import { type GpuPart, gpuPart, NO_GPU, withGpu } from './gpu.ts';

/**
 * preStop keeps encoding until the successor is listed, at most until this less 10 s; then SIGTERM, 5 s, SIGKILL for
 * FFmpeg. A minute is thirty segments of 2 s: a handover takes a few.
 */
const GRACE_SECONDS = 60;

/** A pod on a node that has vanished is replaced after this instead of Kubernetes' five minutes: film is live. */
const NODE_LOSS_SECONDS = 10;

/** Where the pod finds its token, a file of a Secret: environment variables are shown by `kubectl describe`. */
const TOKEN_DIRECTORY = '/etc/sluice/token';

/** User of Sluice's images. */
const USER = 1000;

/** What a pod needs from the operator's configuration. */
export interface PodSettings {
  readonly image: string;
  readonly pullPolicy: 'Always' | 'IfNotPresent' | 'Never';
  /** Base URL of the edges' internal Service. */
  readonly edgeUrl: string;
  /** Environment of the agent beside what is known of its session; nothing if left out. */
  readonly agentEnvironment?: Readonly<Record<string, string>>;
  /** {@link CHANNELS_CHOICE} if left out. */
  readonly encoders?: EncoderPolicy;
}

/** Name of the pod of an attempt. */
export function podName(session: string, attempt: number): string {
  return `${session}-${attempt}`;
}

/**
 * The transcode pod of one attempt of a session, fit for Pod Security "restricted".
 * @param gpuRefusal not null: the pod does without the GPU that the session asks for, and this is why
 */
export function buildPod(
  session: StreamSession,
  attempt: number,
  gpuRefusal: string | null,
  settings: PodSettings,
): ApplyConfiguration {
  const { spec } = session;
  const gpu = gpuRefusal === null ? gpuPart(spec.gpu) : NO_GPU;
  const name = podName(session.metadata.name, attempt);
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace: session.metadata.namespace ?? 'default',
      labels: {
        ...MANAGED_BY,
        'app.kubernetes.io/name': 'sluice',
        'app.kubernetes.io/component': 'transcoder',
        [CHANNEL_LABEL]: spec.channelRef.name,
        [SESSION_LABEL]: session.metadata.name,
        [ATTEMPT_LABEL]: String(attempt),
      },
      ...(gpuRefusal === null ? {} : { annotations: { [GPU_REFUSAL_ANNOTATION]: limited(gpuRefusal) } }),
      ...ownedBy(session),
    },
    spec: {
      restartPolicy: 'Never', // a new attempt is a new pod: its number tells its segments from those of the last
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      terminationGracePeriodSeconds: GRACE_SECONDS,
      securityContext: {
        runAsNonRoot: true,
        runAsUser: USER,
        runAsGroup: USER,
        fsGroup: USER,
        seccompProfile: { type: 'RuntimeDefault' },
        ...gpu.securityContext,
      },
      ...gpu.podSpec,
      nodeSelector: { 'kubernetes.io/os': 'linux', ...spec.nodeSelector, ...gpu.nodeSelector },
      tolerations: [...NODE_LOSS_TOLERATIONS, ...(spec.tolerations ?? []), ...gpu.tolerations],
      containers: [agent(session, attempt, gpu, settings)],
      volumes: [
        { name: 'tmp', emptyDir: {} },
        { name: 'token', secret: { secretName: session.metadata.name, defaultMode: 0o440 } },
      ],
    },
  } as ApplyConfiguration;
}

/**
 * Metadata that makes the garbage collector remove an object together with its session. Without `blockOwnerDeletion`,
 * which would need the right to update finalizers where OwnerReferencesPermissionEnforcement is on (OpenShift).
 */
export function ownedBy(session: StreamSession): { readonly ownerReferences: readonly object[] } {
  const { name, uid } = session.metadata;
  const reference = {
    apiVersion: API_VERSION,
    kind: session.kind,
    name,
    uid,
    controller: true,
  };
  return { ownerReferences: [reference] };
}

const NODE_LOSS_TOLERATIONS = ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable'].map((key) => ({
  key,
  operator: 'Exists',
  effect: 'NoExecute',
  tolerationSeconds: NODE_LOSS_SECONDS,
}));

function agent(
  session: StreamSession,
  attempt: number,
  gpu: GpuPart,
  { image, pullPolicy, edgeUrl, agentEnvironment, encoders = CHANNELS_CHOICE }: PodSettings,
): object {
  const environment = {
    SLUICE_EDGE_URL: edgeUrl,
    SLUICE_SESSION_NAMESPACE: session.metadata.namespace ?? 'default',
    SLUICE_SESSION_NAME: session.metadata.name,
    SLUICE_ATTEMPT: String(attempt),
    SLUICE_TOKEN_FILE: `${TOKEN_DIRECTORY}/token`,
    SLUICE_JOB: JSON.stringify(jobOf(session, gpu, encoders)),
    SLUICE_OPERATIONS_PORT: '9090',
    SLUICE_GRACE_SECONDS: String(GRACE_SECONDS),
    ...agentEnvironment,
    ...gpu.environment,
  };
  return {
    name: 'agent',
    image,
    imagePullPolicy: pullPolicy,
    env: Object.entries(environment).map(([name, value]) => ({ name, value })),
    ports: [{ name: 'operations', containerPort: 9090 }],
    terminationMessagePolicy: 'FallbackToLogsOnError', // the end of its log tells users why it died
    resources: withGpu(session.spec, gpu),
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    },
    lifecycle: { preStop: { exec: { command: ['node', '/app/agent.js', 'drain'] } } },
    livenessProbe: { httpGet: { path: '/livez', port: 'operations' }, periodSeconds: 10, failureThreshold: 3 },
    volumeMounts: [
      { name: 'tmp', mountPath: '/tmp' },
      { name: 'token', mountPath: TOKEN_DIRECTORY, readOnly: true },
    ],
  };
}

/** What the agent has to do. */
function jobOf(session: StreamSession, gpu: GpuPart, policy: EncoderPolicy): Job {
  const { rungs, preset } = session.spec;
  return jobSchema.parse({ rungs, encoders: encodersFor(session, gpu !== NO_GPU, policy), preset });
}
