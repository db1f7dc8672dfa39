/**
 * Requests between two changes of a playlist from which on it is worth a file: writing one takes the sidecar about as
 * long as ten answers. Each viewer asks once per change (RFC 8216bis 6.3.4).
 */
export const WORTH_A_FILE = 10;
/** Requests that keep it one: an audience of about ten must not make and remove a file in turns. */
export const STILL_WORTH_A_FILE = 5;

/** Whether a playlist is asked for often enough to be a file. Pure but for what it counts. */
export class Popularity {
  #requests = 0;
  #isFile = false;

  /** Whether it is to be a file, as of the last call of the others. */
  get isFile(): boolean {
    return this.#isFile;
  }

  /** So many more have got the present text. */
  requested(count: number): void {
    this.#requests += count;
    if (this.#requests >= WORTH_A_FILE) this.#isFile = true;
  }

  /** There is a new text. */
  renewed(): void {
    this.#isFile = this.#isFile && this.#requests >= STILL_WORTH_A_FILE;
    this.#requests = 0;
  }

  /** There is no text any more that could be sent at once. */
  ended(): void {
    this.#isFile = false;
    this.#requests = 0;
  }
}
