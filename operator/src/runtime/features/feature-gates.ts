import { Gauge, type Registry } from 'prom-client';
import { RuntimeError } from '../errors/error.ts';

/**
 * How mature a feature is, as in Kubernetes: Alpha is off by default and may go without notice, Beta is on by default,
 * GA is on for good.
 */
export type FeatureStage = 'Alpha' | 'Beta' | 'GA';

/** A feature that can be switched. */
export interface Feature {
  readonly stage: FeatureStage;
  /** What it does, in one sentence. */
  readonly description: string;
}

/** Whether each feature is on. */
export type FeatureGates<Name extends string> = Readonly<Record<Name, boolean>>;

/** The gates that switch all features of a stage; a feature's own gate goes before them, wherever it stands. */
const GROUPS: Readonly<Record<string, FeatureStage>> = { AllAlpha: 'Alpha', AllBeta: 'Beta' };

/**
 * Reads gates in the form of Kubernetes' `--feature-gates`: `One=true,Two=false`; what is not named has the default of
 * its stage.
 * @throws RuntimeError `FEATURE_GATE_INVALID` for an unknown gate, a value that is neither true nor false, a gate that is
 * named twice, and a GA feature that is switched off
 */
export function parseFeatureGates<Name extends string>(
  features: Readonly<Record<Name, Feature>>,
  text: string,
): FeatureGates<Name> {
  const wanted = new Map<string, boolean>();
  for (const part of text.split(',').map((each) => each.trim())) {
    if (part === '') continue;
    const [name = '', value, ...rest] = part.split('=').map((each) => each.trim());
    if (rest.length > 0 || (value !== 'true' && value !== 'false'))
      throw invalid(`"${part}" is not NAME=true or NAME=false`);
    if (wanted.has(name)) throw invalid(`${name} is named twice`);
    refuse(features, name, value === 'true');
    wanted.set(name, value === 'true');
  }
  const state = ([name, { stage }]: [string, Feature]): [string, boolean] => {
    const group = Object.keys(GROUPS).find((each) => GROUPS[each] === stage) ?? '';
    return [name, wanted.get(name) ?? wanted.get(group) ?? stage !== 'Alpha'];
  };
  return Object.fromEntries(Object.entries<Feature>(features).map(state)) as FeatureGates<Name>;
}

function refuse(features: Readonly<Record<string, Feature>>, name: string, value: boolean): void {
  if (Object.hasOwn(GROUPS, name)) return;
  const feature = Object.hasOwn(features, name) ? features[name] : undefined;
  if (feature === undefined) {
    throw invalid(
      `there is no gate ${name}; known are ${[...Object.keys(features), ...Object.keys(GROUPS)].join(', ')}`,
    );
  }
  if (feature.stage === 'GA' && !value) throw invalid(`${name} is GA and can no longer be switched off`);
}

/** `kubernetes_feature_enabled`, as Kubernetes' own components tell it: 1 or 0 for each feature. */
export function createFeatureMetrics<Name extends string>(
  registry: Registry,
  features: Readonly<Record<Name, Feature>>,
  gates: FeatureGates<Name>,
): void {
  const help = 'Whether a feature gate is on';
  const labelNames = ['name', 'stage'];
  const enabled = new Gauge({ name: 'kubernetes_feature_enabled', help, labelNames, registers: [registry] });
  for (const name of Object.keys(features) as Name[]) {
    // Kubernetes leaves the stage of GA features empty.
    const stage = features[name].stage === 'GA' ? '' : features[name].stage.toUpperCase();
    enabled.set({ name, stage }, Number(gates[name]));
  }
}

function invalid(fault: string): RuntimeError {
  return new RuntimeError(`feature gates: ${fault}`, { code: 'FEATURE_GATE_INVALID', retryable: false });
}
