/** A repetition costs the edge a snapshot, and all channels a look: one that overwhelms the operator gets few. */
const PAUSE_MS = 60_000;

/** When edges are asked to say everything again: at once, and the next time a minute later at the earliest. */
export class Repetitions {
  readonly #pauses = new Map<string, { isWanted: boolean; readonly timer: NodeJS.Timeout }>();
  readonly #ask: (podUid: string) => void;

  /** @param ask asks the edge with this pod uid */
  constructor(ask: (podUid: string) => void) {
    this.#ask = ask;
  }

  /** The edge with this pod uid is to say everything again; several such wishes are met together. */
  want(podUid: string): void {
    const pause = this.#pauses.get(podUid);
    if (pause === undefined) this.#begin(podUid);
    else pause.isWanted = true;
  }

  /** The edge is gone. */
  forget(podUid: string): void {
    clearTimeout(this.#pauses.get(podUid)?.timer);
    this.#pauses.delete(podUid);
  }

  /** Nobody is asked any more. */
  close(): void {
    for (const podUid of [...this.#pauses.keys()]) this.forget(podUid);
  }

  #begin(podUid: string): void {
    const timer = setTimeout(() => this.#end(podUid), PAUSE_MS).unref();
    this.#pauses.set(podUid, { isWanted: false, timer });
    this.#ask(podUid);
  }

  #end(podUid: string): void {
    const isWanted = this.#pauses.get(podUid)?.isWanted ?? false;
    this.#pauses.delete(podUid);
    if (isWanted) this.#begin(podUid);
  }
}
