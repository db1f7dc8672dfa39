import { storageFull } from '../storage/errors.ts';
import type { ChannelFiles } from '../storage/files.ts';
import type { Standing } from '../storage/room.ts';

/** Files in memory, on a volume that may be full. */
export class MemoryFiles implements ChannelFiles {
  readonly content = new Map<string, Uint8Array>();
  isFull = false;
  #standingOf: (name: string) => Standing = () => 'kept';

  async write(name: string, bytes: Uint8Array): Promise<void> {
    if (this.isFull) throw storageFull();
    this.content.set(name, bytes);
  }

  async read(name: string): Promise<Uint8Array> {
    return this.content.get(name) ?? Promise.reject(new Error(`no ${name}`));
  }

  has(name: string): boolean {
    return this.content.has(name);
  }

  find(): null {
    return null;
  }

  names(): readonly string[] {
    return [...this.content.keys()];
  }

  rank(standingOf: (name: string) => Standing): void {
    this.#standingOf = standingOf;
  }

  async remove(name: string): Promise<void> {
    this.content.delete(name);
  }

  async clear(): Promise<void> {
    this.content.clear();
  }

  bytes(): number {
    return 0;
  }

  /** Others need room: whatever may go goes. */
  squeeze(): void {
    for (const name of this.names()) if (this.#standingOf(name) !== 'kept') this.content.delete(name);
  }
}
