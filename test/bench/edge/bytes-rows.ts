import type { Measurement } from '../statistics.ts';
import { compared } from './comparison.ts';
import type { Ratio } from './turns.ts';

/** What an nginx has sent, and what that cost. */
export interface Sent {
  readonly bytes: number;
  /** Of nginx. */
  readonly cpuSeconds: number;
  /** How long it took. */
  readonly seconds: number;
}

/** Before the first turn. */
export const NOTHING: Sent = { bytes: 0, cpuSeconds: 0, seconds: 0 };

/** What was sent in some rounds by the edge's nginx, nginx alone and another nginx alone. */
export interface SentBytes {
  /** Of each round: the edge, nginx alone, the other one. */
  readonly rounds: readonly (readonly Sent[])[];
  /** CPU of the sidecar, which follows its channel whatever nginx sends, as a share of a core. */
  readonly sidecarShare: number;
}

/** Both together. */
export function addSent(one: Sent, other: Sent): Sent {
  return {
    bytes: one.bytes + other.bytes,
    cpuSeconds: one.cpuSeconds + other.cpuSeconds,
    seconds: one.seconds + other.seconds,
  };
}

/** The lines of the table. The sidecar's CPU belongs to the edge's turns alone: the others are not its pod's. */
export function rowsOfBytes({ rounds, sidecarShare }: SentBytes): Measurement[] {
  const of = (index: number): readonly Sent[] => rounds.map((sent) => sent[index] ?? NOTHING);
  const [nginx, alone, again] = [of(0), of(1), of(2)];
  const pod = nginx.map((sent) => ({ ...sent, cpuSeconds: sent.cpuSeconds + sidecarShare * sent.seconds }));
  const reference = `nginx alone, same files: ${gigabytes(alone)}`;
  const row = (what: string, sent: readonly Sent[], goal: { readonly atLeast: number } | null): Measurement =>
    compared({
      what: `cached segments per CPU-second, ${what}`,
      measured: gigabytes(sent),
      reference,
      ratio: ratioOf(sent, alone),
      goal,
    });
  return [
    row('whole edge pod', pod, { atLeast: 0.95 }),
    row(`nginx of the edge pod, without the sidecar's ${(100 * sidecarShare).toFixed(1)} % of a core`, nginx, null),
    row('another nginx alone: how steady the measure is', again, null),
  ];
}

/** Of all rounds together, and of each. */
function ratioOf(sent: readonly Sent[], reference: readonly Sent[]): Ratio {
  const each = sent.map((one, index) => bytesPerSecond([one]) / bytesPerSecond(reference.slice(index, index + 1)));
  const whole = bytesPerSecond(sent) / bytesPerSecond(reference);
  return { whole, lowest: Math.min(...each), highest: Math.max(...each) };
}

function bytesPerSecond(sent: readonly Sent[]): number {
  const { bytes, cpuSeconds } = sent.reduce(addSent, NOTHING);
  return bytes / cpuSeconds;
}

function gigabytes(sent: readonly Sent[]): string {
  return `${(bytesPerSecond(sent) / 1e9).toFixed(2)} GB`;
}
