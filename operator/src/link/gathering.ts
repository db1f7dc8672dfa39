import type { Writable } from 'node:stream';

/**
 * Hands all that is written in one turn of the event loop to the network together: encrypting and sending each message
 * by itself would cost an operator with many busy channels more than deciding about them.
 */
export class Gathering {
  private readonly stream: Pick<Writable, 'cork' | 'uncork'>;
  private isOpen = false;

  constructor(stream: Pick<Writable, 'cork' | 'uncork'>) {
    this.stream = stream;
  }

  /** Something is about to be written. */
  begin(): void {
    if (this.isOpen) return;
    this.isOpen = true;
    this.stream.cork();
    setImmediate(() => {
      this.isOpen = false;
      this.stream.uncork();
    });
  }
}
