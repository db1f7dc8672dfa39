/** Part of what the pod may use from which on an encoder is in danger: a busier scene makes it late, or ends it. */
const WARNING_PERCENT = 80;
/** A start and a hard scene take all cores for a moment; only what stays is worth a warning. */
const CPU_PATIENCE_MS = 30_000;

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
  #busySinceMs: number | null = null;
  #warnedOfCpu = false;
  #warnedOfMemory = false;

  constructor(capacity: Capacity) {
    this.#capacity = capacity;
  }

  /** @returns what to warn of now; null: nothing new */
  update(usage: Usage, nowMs: number): string | null {
    return this.#memory(usage) ?? this.#cpu(usage, nowMs);
  }

  #memory({ memoryBytes }: Usage): string | null {
    const limit = this.#capacity.memoryBytes;
    if (memoryBytes === null || limit === null) return null;
    const percent = (100 * memoryBytes) / limit;
    const isHigh = percent >= WARNING_PERCENT;
    const isNews = isHigh && !this.#warnedOfMemory;
    this.#warnedOfMemory = isHigh;
    const of = `${megabytes(memoryBytes)} MB of ${megabytes(limit)} MB of memory`;
    return isNews ? `FFmpeg uses ${of}; above the limit it is killed: raise resources.limits.memory` : null;
  }

  #cpu({ cpuPercent }: Usage, nowMs: number): string | null {
    if (cpuPercent === null) return null;
    const { cores } = this.#capacity;
    if (cpuPercent / cores < WARNING_PERCENT) {
      this.#busySinceMs = null;
      this.#warnedOfCpu = false;
      return null;
    }
    this.#busySinceMs ??= nowMs;
    if (this.#warnedOfCpu || nowMs - this.#busySinceMs < CPU_PATIENCE_MS) return null;
    this.#warnedOfCpu = true;
    const used = (cpuPercent / 100).toFixed(1);
    return `FFmpeg has used ${used} of ${cores} cores for ${CPU_PATIENCE_MS / 1000} s: it may fall behind; give it more CPU, fewer rungs or a faster preset`;
  }
}

function megabytes(bytes: number): number {
  return Math.round(bytes / 1_000_000);
}
