import type { ChannelStatus, StreamSession } from '@sluice/crds';
import type { Removal } from './leftovers.ts';
import type { ChannelMemory } from './memory.ts';

/** What the controller keeps of one channel between reconciliations, beside the caches. */
export interface ChannelState {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  memory: ChannelMemory;
  /** The status as it should be; undefined before the first plan. */
  wanted: ChannelStatus | undefined;
  /** The status as it was last written or read. */
  written: ChannelStatus | undefined;
  /** Resource version of the Channel with that status; empty: not known. */
  writtenVersion: string;
  /** A write of the status is under way. */
  isWriting: boolean;
  /** When, in ms since the epoch. */
  writtenMs: number;
  /** Sessions that are being made, or that are made and not yet in the cache, by name; one without a uid is not made yet. */
  readonly made: Map<string, StreamSession>;
  /** When the API server last took one in, in ms since the epoch; 0: never. */
  madeMs: number;
  /** When and why the API server last allowed no session; null: it did. */
  refusal: { readonly atMs: number; readonly message: string } | null;
  /** Sessions to delete, by uid; they stay here until the cache has lost them and their pods. */
  readonly removed: Map<string, Removal>;
  /** When the audience last reached a threshold upwards, in ms since the epoch; null: no promotion waits to be shown. */
  promotionSinceMs: number | null;
}

/** The states of all channels, found by key (`namespace/name`) or uid. */
export class ChannelStates {
  private readonly byKey = new Map<string, ChannelState>();
  private readonly keys = new Map<string, string>();

  get(key: string): ChannelState | undefined {
    return this.byKey.get(key);
  }

  /** Whether the API server has taken the deletion of a StreamSession of the channel with this key. */
  hasDeleted(key: string, sessionUid: string): boolean {
    const removal = this.byKey.get(key)?.removed.get(sessionUid);
    return removal !== undefined && removal.deletedAtMs !== null;
  }

  /** `namespace/name` of the channel with this uid. */
  keyOf(uid: string): string | undefined {
    return this.keys.get(uid);
  }

  set(key: string, state: ChannelState): void {
    this.byKey.set(key, state);
    this.keys.set(state.uid, key);
  }

  delete(key: string): void {
    const state = this.byKey.get(key);
    if (state !== undefined) this.keys.delete(state.uid);
    this.byKey.delete(key);
  }

  /** All channels with their keys. */
  entries(): Iterable<readonly [string, ChannelState]> {
    return this.byKey.entries();
  }
}
