import { type EdgeScaleSettings, LOAD_METRICS, type LoadMetric } from './settings.ts';

/** What one edge pod carries; null: it cannot say. Numbers are not negative, in the units of {@link LoadMetric}. */
export type PodLoad = Readonly<Record<Exclude<LoadMetric, 'viewers'>, number | null>>;

/** An edge pod as the decision sees it. */
export interface ScaledPod {
  readonly name: string;
  /** Its last report; null where it has sent none, or none for too long: unknown is not zero. */
  readonly load: PodLoad | null;
}

/** All load of one kind, against what a pod is to carry. */
export interface Usage {
  readonly metric: LoadMetric;
  /** Of all pods that have reported: at least so much. */
  readonly total: number;
  /** For one pod. */
  readonly target: number;
}

/**
 * The loads that have a target, summed. Viewers come from the count over all edges, in which nobody counts twice: a
 * load balancer that deals out single requests shows every viewer to every edge, and with sums each new edge would
 * call for the next one.
 * @param viewers of all channels over all edges
 */
export function usageOf(pods: readonly ScaledPod[], viewers: number, settings: EdgeScaleSettings): readonly Usage[] {
  return LOAD_METRICS.flatMap((metric) => {
    const target = settings.targets[metric];
    if (target === undefined) return [];
    const total = metric === 'viewers' ? viewers : sumOf(pods, metric);
    return [{ metric, total, target }];
  });
}

/** Names of the pods without which some load that has a target is not known. */
export function unknownPods(pods: readonly ScaledPod[], { targets }: EdgeScaleSettings): readonly string[] {
  const isUnknown = ({ load }: ScaledPod): boolean =>
    // Who does not report may have viewers that nobody has told of, whatever the targets are.
    load === null ||
    (targets.egressBitsPerSecond !== undefined && load.egressBitsPerSecond === null) ||
    (targets.requestsPerSecond !== undefined && load.requestsPerSecond === null);
  return pods.filter(isUnknown).map(({ name }) => name);
}

/** Pods that this load fills, 0 for none. */
export function podsFor({ total, target }: Usage): number {
  return Math.ceil(total / target);
}

/** The load that fills most pods, in proportion. */
export function mostOf(usage: readonly Usage[]): Usage | undefined {
  return [...usage].sort((one, other) => other.total / other.target - one.total / one.target)[0];
}

/** Whether so many pods carry all load with `margin` (a part of the target, negative: room) beyond their targets. */
export function isCarriedBy(replicas: number, usage: readonly Usage[], margin: number): boolean {
  return usage.every(({ total, target }) => total <= target * replicas * (1 + margin));
}

/** In words: `45 viewers, 20 for each pod`. */
export function wordsOf({ metric, total, target }: Usage): string {
  const unit = { viewers: 'viewers', egressBitsPerSecond: 'Mbit/s', requestsPerSecond: 'requests/s' }[metric];
  const scale = metric === 'egressBitsPerSecond' ? 1e6 : 1;
  return `${rounded(total / scale)} ${unit}, ${rounded(target / scale)} for each pod`;
}

function sumOf(pods: readonly ScaledPod[], metric: keyof PodLoad): number {
  return pods.reduce((sum, { load }) => sum + (load?.[metric] ?? 0), 0);
}

/** Three digits are enough for people. */
function rounded(value: number): string {
  return value >= 100 ? value.toFixed(0) : String(Number(value.toPrecision(3)));
}
