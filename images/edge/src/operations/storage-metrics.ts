import type { Metrics } from '@sluice/common/metrics/metrics.ts';
import type { MediaVolume } from '../storage/volume.ts';

/** Registers the metrics of the media volume. Series per channel exist only while it has files here. */
export function registerStorageMetrics(
  metrics: Metrics,
  volume: Pick<MediaVolume, 'bytes' | 'limitBytes' | 'channels' | 'observe'>,
): void {
  metrics.gauge('sluice_edge_stored_bytes', 'Bytes that segments take on the media volume.', [], (gauge) =>
    gauge.set(volume.bytes),
  );
  metrics.gauge('sluice_edge_stored_limit_bytes', 'Bytes that they may take.', [], (gauge) =>
    gauge.set(volume.limitBytes),
  );
  metrics.gauge(
    'sluice_edge_channel_stored_bytes',
    'Of these, bytes of a channel.',
    ['namespace', 'channel'],
    (gauge) => {
      gauge.reset();
      for (const [key, bytes] of volume.channels()) {
        const [namespace = '', channel = ''] = key.split('/');
        gauge.set({ namespace, channel }, bytes);
      }
    },
  );
  const deleted = metrics.counter(
    'sluice_edge_deleted_total',
    'Files deleted, by reason: expired (their time was over) and forgotten (nobody watches); for want of room: unwatched, retired, copy, leaving.',
    ['reason'],
  );
  const refused = metrics.counter(
    'sluice_edge_storage_refused_total',
    'Files that found no room, by reason: share (of the channel), limit (of the pod), volume (the file system is full).',
    ['reason'],
  );
  volume.observe({
    deleted: (reason, files) => deleted.inc({ reason }, files),
    refused: (reason) => refused.inc({ reason }),
  });
}
