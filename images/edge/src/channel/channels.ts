import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { SluiceError } from '@sluice/common/errors/error.ts';
import type { Audience, OwnerReport, Route } from '@sluice/common/link/messages.ts';
import type { Logger } from '@sluice/common/log/log.ts';
import { addressGuard } from '../source/address.ts';
import { createSourceClient, type SourceClient } from '../source/client.ts';
import { keyOf } from '../viewers/audiences.ts';
import type { Clock } from './clock.ts';
import { isOwner } from './mode.ts';
import { ChannelOwner } from './owner.ts';
import type { ChannelLive, ChannelService } from './service.ts';
import { LIVE_FOLDER, removeStrayTimelines, strayFolders, TIMELINES_FOLDER } from './sweep.ts';
import { unreachable } from './waiters.ts';

/** What the media side is built from. */
export interface MediaSideOptions {
  /** Absolute path of the media volume. */
  readonly mediaDirectory: string;
  readonly podUid: string;
  /** What reads sources; closed with the service. */
  readonly client: SourceClient;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** The media side, with what the work API needs beside the viewers' interface. */
export interface MediaSide extends ChannelService {
  /** The owner of the channel whose transcode session this is or just was; null where this edge knows none. */
  ownerOfSession(namespace: string, session: string): ChannelOwner | null;
}

interface Channel {
  route: Route;
  audience: Audience | null;
  localViewers: number;
  report: OwnerReport | null;
  owner: ChannelOwner | null;
  removed: boolean;
  /** Opening, changes and closing of one channel happen one after another. */
  turn: Promise<void>;
}

function unknownChannel(key: string): SluiceError {
  return new SluiceError(`There is no channel ${key}`, { code: 'CHANNEL_UNKNOWN', retryable: false, status: 404 });
}

/** The mode of a channel without an owner here: what the operator says of one that another edge owns. */
function foreignMode({ route, audience }: Channel, podUid: string): Route['mode'] {
  return isOwner(route, podUid) ? 'Idle' : (audience?.mode ?? 'Idle');
}

/** What an edge's configuration says of the media side. */
export interface ChannelServiceOptions extends Omit<MediaSideOptions, 'client'> {
  /** CIDRs that sources may be in beside public addresses. */
  readonly allowedCidrs: readonly string[];
}

/** The media side of an edge, with a client of its own. Throws CONFIG_INVALID where `allowedCidrs` is not made of CIDRs. */
export function createChannelService(options: ChannelServiceOptions): MediaSide {
  return createMediaSide({ ...options, client: createSourceClient(addressGuard(options.allowedCidrs)) });
}

/** The media side of an edge. */
export function createMediaSide(options: MediaSideOptions): MediaSide {
  const { client } = options;
  const channels = new Map<string, Channel>();
  const byUid = new Map<string, Channel>();
  const listeners = new Set<(report: OwnerReport) => void>();
  /** What a recreated Channel of the same name has to wait for. */
  const ending = new Map<string, Promise<void>>();
  const folderOf = (key: string): string => join(options.mediaDirectory, LIVE_FOLDER, key);
  const statePathOf = (uid: string): string => join(options.mediaDirectory, TIMELINES_FOLDER, `${uid}.json`);

  const settle = async (channel: Channel): Promise<void> => {
    const { route } = channel;
    if (channel.removed) return;
    if (!isOwner(route, options.podUid)) {
      await channel.owner?.close(unreachable('Another edge owns this channel now'), true);
      channel.owner = null;
      channel.report = null;
      return;
    }
    if (channel.owner === null) {
      const key = keyOf(route);
      await ending.get(key);
      channel.owner = await ChannelOwner.open(route, {
        clock: options.clock,
        client,
        logger: options.logger,
        folder: folderOf(key),
        statePath: statePathOf(route.uid),
        report: (report) => {
          channel.report = report;
          for (const listener of listeners) listener(report);
        },
      });
    }
    if (channel.owner.route !== channel.route) channel.owner.update(channel.route);
    channel.owner.setLocalViewers(channel.localViewers);
  };

  const schedule = (channel: Channel): void => {
    channel.turn = channel.turn
      .then(() => settle(channel))
      .catch((error: unknown) => {
        options.logger.error({ err: error, channel: keyOf(channel.route) }, 'channel cannot be opened');
      });
  };

  /** Removes files of a key, after what is being removed of it already; a channel of that key opens behind it. */
  const removing = (key: string, remove: () => Promise<void>): Promise<void> => {
    const done = (ending.get(key) ?? Promise.resolve())
      .then(remove)
      .catch((error: unknown) => options.logger.error({ err: error, channel: key }, 'files of a removed channel stay'))
      .finally(() => {
        if (ending.get(key) === done) ending.delete(key);
      });
    ending.set(key, done);
    return done;
  };

  const end = (key: string, channel: Channel): Promise<void> => {
    channel.removed = true;
    if (channels.get(key) === channel) channels.delete(key);
    if (byUid.get(channel.route.uid) === channel) byUid.delete(channel.route.uid);
    return removing(key, async () => {
      await channel.turn;
      await channel.owner?.close(unknownChannel(key), true);
      await rm(statePathOf(channel.route.uid), { force: true });
    });
  };

  const sweep = async (): Promise<void> => {
    const kept = { uid: (uid: string) => byUid.has(uid), key: (key: string) => channels.has(key) || ending.has(key) };
    await removeStrayTimelines(options.mediaDirectory, kept);
    for (const key of await strayFolders(options.mediaDirectory, kept)) {
      // A channel of this name may have come since.
      if (!kept.key(key)) await removing(key, () => rm(folderOf(key), { recursive: true, force: true }));
    }
  };

  const ready = async (key: string): Promise<ChannelOwner> => {
    const channel = channels.get(key);
    if (channel === undefined) throw unknownChannel(key);
    await channel.turn;
    if (channel.owner === null) throw unreachable(`This edge does not publish ${key}`);
    return channel.owner;
  };

  const liveOf = (channel: Channel): ChannelLive => ({
    route: channel.route,
    activeMode: channel.owner?.activeMode ?? foreignMode(channel, options.podUid),
    report: channel.report,
    audience: channel.audience,
  });

  return {
    apply: (route) => {
      const key = keyOf(route);
      const known = channels.get(key);
      if (known !== undefined && known.route.uid !== route.uid) void end(key, known);
      const channel: Channel =
        known !== undefined && !known.removed
          ? known
          : {
              route,
              audience: null,
              localViewers: 0,
              report: null,
              owner: null,
              removed: false,
              turn: Promise.resolve(),
            };
      channel.route = route;
      channels.set(key, channel);
      byUid.set(route.uid, channel);
      schedule(channel);
    },
    remove: async (uid) => {
      const channel = byUid.get(uid);
      if (channel !== undefined) await end(keyOf(channel.route), channel);
    },
    sweep,
    setAudience: (audience) => {
      const channel = byUid.get(audience.uid);
      if (channel !== undefined) channel.audience = audience;
    },
    setLocalViewers: (uid, viewers) => {
      const channel = byUid.get(uid);
      if (channel === undefined || channel.localViewers === viewers) return;
      channel.localViewers = viewers;
      if (channel.owner === null) schedule(channel);
      else channel.owner.setLocalViewers(viewers);
    },
    multivariant: async (key, sessionQuery, signal) => (await ready(key)).multivariant(sessionQuery, signal),
    media: async (key, rung, signal) => (await ready(key)).media(rung, signal),
    targetDurationSeconds: (key) => channels.get(key)?.owner?.targetDurationSeconds ?? null,
    live: (key) => {
      const channel = channels.get(key);
      return channel === undefined ? null : liveOf(channel);
    },
    list: () => [...channels.values()].map(liveOf),
    onReport: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    ownerOfSession: (namespace, session) => {
      for (const { route, owner } of channels.values()) {
        if (route.namespace === namespace && owner?.sessionNamed(session)) return owner;
      }
      return null;
    },
    close: async () => {
      const all = [...channels.entries()];
      channels.clear();
      byUid.clear();
      await Promise.all([
        ...ending.values(),
        ...all.map(async ([key, channel]) => {
          channel.removed = true;
          await channel.turn;
          await channel.owner?.close(unreachable(`This edge is shutting down, ask again for ${key}`), false);
        }),
      ]);
      await client.close();
    },
  };
}
