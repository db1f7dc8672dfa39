import process from 'node:process';
import { messageOf } from '@sluice/common/errors/error.ts';
import { createLogger, type Logger } from '@sluice/common/log/log.ts';
import { createMetrics } from '@sluice/common/metrics/metrics.ts';
import { createMediaSide } from './channel/channels.ts';
import { systemClock } from './channel/clock.ts';
import { readConfig } from './config.ts';
import { type Edge, startEdge } from './edge.ts';
import { askToLeave } from './leave.ts';
import { readLinkKeys } from './link/keys.ts';
import { registerStorageMetrics } from './operations/storage-metrics.ts';
import { OwnerLinks } from './replication/owner-link.ts';
import { createOwnershipClient } from './replication/ownership.ts';
import { createInternalPort } from './replication/port.ts';
import { createSegmentClient } from './replication/segments.ts';
import { createDial } from './replication/socket.ts';
import { addressGuard } from './source/address.ts';
import { createSourceClient } from './source/client.ts';
import { ReadingRoom } from './source/room.ts';
import { MediaVolume } from './storage/volume.ts';

/** Longer than any orderly end; after it the process goes whatever still holds it. */
const FORCED_EXIT_MS = 18_000;

/** Seconds that an edge serves on which leaves, where the command names none. */
const LEAVE_SECONDS = 10;

/**
 * The sidecar of an edge.
 *   sidecar.js              serves until a signal ends it
 *   sidecar.js leave [N]    preStop hook: has the sidecar in the same pod hand over what it owns, and waits N seconds
 */
async function main(): Promise<void> {
  const [command, seconds = String(LEAVE_SECONDS)] = process.argv.slice(2);
  if (command === 'leave') process.exitCode = await askToLeave(process.env, Number(seconds));
  else await serve();
}

async function serve(): Promise<void> {
  const config = readConfig(process.env);
  const log = createLogger({ name: 'edge', level: config.logLevel, fields: { edge: config.podName } });
  log.info({ config }, 'starting');
  const keys = await readLinkKeys(config.linkDirectory);
  const metrics = createMetrics();
  const volume = new MediaVolume({ limitBytes: config.mediaBytes, now: systemClock.now, logger: log });
  registerStorageMetrics(metrics, volume);
  const room = new ReadingRoom();
  const guard = addressGuard(config.allowedCidrs);
  const channels = createMediaSide({
    mediaDirectory: config.mediaDirectory,
    volume,
    podUid: config.podUid,
    connect: (targetDurationSeconds) => createSourceClient(guard, { room, targetDurationSeconds }),
    links: new OwnerLinks(createDial(keys.sessionKey, log), systemClock, ({ podUid }, status) =>
      log.warn({ owner: podUid, status }, 'replication: the connection to an owner is refused'),
    ),
    segments: createSegmentClient(keys.sessionKey, room),
    ownership: createOwnershipClient(keys.sessionKey),
    clock: systemClock,
    logger: log,
  });
  const identity = { podUid: config.podUid, sessionKey: keys.sessionKey };
  const parts = {
    config,
    keys,
    channels,
    ...createInternalPort(channels, identity, room, log),
    log,
    metrics,
    now: systemClock.now,
  };
  // The kubelet starts the container again, and the edge begins anew.
  const edge = await startEdge(parts, () => void stop(edge, 'the pod stays', log));
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGQUIT'] as const)
    process.once(signal, () => void stop(edge, signal, log));
}

async function stop(edge: Edge, why: string, log: Logger): Promise<void> {
  log.info({ why }, 'stopping');
  setTimeout(() => {
    log.error('something still runs; leaving it');
    process.exit(1);
  }, FORCED_EXIT_MS).unref();
  await edge.close();
  log.info('stopped');
}

main().catch((thrown: unknown) => {
  process.stderr.write(`The edge cannot start: ${messageOf(thrown)}\n`);
  process.exit(1);
});
