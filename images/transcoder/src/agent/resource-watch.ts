/** From where on an encoder is in danger: a busier scene makes it late, or ends it. */
export interface WarningThresholds {
  /** Part of the cores that the pod may use, from 1 to 100. */
  readonly cpuPercent: number;
  /** For so long: a start and a hard scene take all cores for a moment. */
  readonly afterMs: number;
  /** null: {@link MEMORY_PERCENT} of what the pod may use. */
  readonly memoryBytes: number | null;
}

/** FFmpeg's memory grows by some percent in a hard scene; above its limit the kernel ends it. */
const MEMORY_PERCENT = 80;

/** What an encoder uses; null where it cannot be measured. */
export interface Usage {
  /** 100 is one core. */
  readonly cpuPercent: number | null;
  readonly memoryBytes: number | null;
}

/** What the pod may use. */
export interface Capacity {
  /** CPU cores, by the limit of the pod or those of the node. */
  readonly cores: number;
  /** The pod's memory limit; null: none. */
  readonly memoryBytes: number | null;
}

/** Tells once when an encoder comes near to what its pod may use, and again only after it was well below. */
export class ResourceWatch {
  readonly #capacity: Capacity;
  readonly #thresholds: WarningThresholds;
  #busySinceMs: number | null = null;
  #warnedOfCpu = false;
  #warnedOfMemory = false;

  constructor(capacity: Capacity, thresholds: WarningThresholds) {
    this.#capacity = capacity;
    this.#thresholds = thresholds;
  }

  /** @returns what to warn of now; null: nothing new */
  update(usage: Usage, nowMs: number): string | null {
    return this.#memory(usage) ?? this.#cpu(usage, nowMs);
  }

  #memory({ memoryBytes }: Usage): string | null {
    const limit = this.#capacity.memoryBytes;
    const threshold = this.#thresholds.memoryBytes ?? (limit === null ? null : (limit * MEMORY_PERCENT) / 100);
    if (memoryBytes === null || threshold === null) return null;
    const isHigh = memoryBytes >= threshold;
    const isNews = isHigh && !this.#warnedOfMemory;
    this.#warnedOfMemory = isHigh;
    if (!isNews) return null;
    const used = `FFmpeg uses ${megabytes(memoryBytes)} MB`;
    return limit === null
      ? `${used} of memory; the threshold is ${megabytes(threshold)} MB, and the pod has no limit`
      : `${used} of ${megabytes(limit)} MB of memory; above the limit it is killed: raise resources.limits.memory`;
  }

  #cpu({ cpuPercent }: Usage, nowMs: number): string | null {
    if (cpuPercent === null) return null;
    const { cores } = this.#capacity;
    const { cpuPercent: threshold, afterMs } = this.#thresholds;
    if (cpuPercent / cores < threshold) {
      this.#busySinceMs = null;
      this.#warnedOfCpu = false;
      return null;
    }
    this.#busySinceMs ??= nowMs;
    if (this.#warnedOfCpu || nowMs - this.#busySinceMs < afterMs) return null;
    this.#warnedOfCpu = true;
    const used = (cpuPercent / 100).toFixed(1);
    return `FFmpeg has used ${used} of ${cores} cores for ${afterMs / 1000} s: it may fall behind; give it more CPU, fewer rungs or a faster preset`;
  }
}

function megabytes(bytes: number): number {
  return Math.round(bytes / 1_000_000);
}
