import { messageOf } from '@sluice/common/errors/error.ts';
import type { SessionReport } from '@sluice/common/link/owner-report.ts';
import type { Incident } from '@sluice/common/work/incident.ts';
import type { Channel } from '@sluice/crds';
import { sessionRefused } from './channel/events.ts';
import type { ChannelStates } from './channel/state.ts';
import { cleanupFailed } from './events.ts';
import type { OperatorMetrics } from './metrics.ts';
import type { ReadonlyStore } from './runtime/cache/store.ts';
import type { EventRecorder } from './runtime/events/recorder.ts';
import { incidentIn } from './session/events.ts';

/** Where news go, and how the Channel that they are about is found. */
export interface NewsSources {
  readonly events: EventRecorder;
  readonly metrics: OperatorMetrics;
  readonly channels: ReadonlyStore<Channel>;
  readonly states: ChannelStates;
}

/** What no reconciliation of a Channel finds out by itself, told as events on it. */
export interface News {
  /** The API server does not allow a StreamSession of the channel with this key. */
  onRefused(key: string, error: unknown): void;
  /** The API server does not let the StreamSession of that name be deleted. */
  onUndeletable(key: string, name: string, error: unknown): void;
  /** Something happened in a pod of a session of the channel with this uid; the session itself may be gone by now. */
  onIncident(uid: string, session: SessionReport, incident: Incident): void;
}

/** Makes the teller of news. */
export function createNews({ events, metrics, channels, states }: NewsSources): News {
  return {
    onRefused(key, error) {
      const channel = channels.get(key);
      if (channel !== undefined) events.record(channel, sessionRefused(messageOf(error)));
    },
    onUndeletable(key, name, error) {
      const channel = channels.get(key);
      if (channel !== undefined) {
        events.record(channel, cleanupFailed(`StreamSession ${name} cannot be deleted: ${messageOf(error)}`));
      }
    },
    onIncident(uid, { name, attempt }, incident) {
      metrics.incidents.inc({ incident: incident.reason });
      const channel = channels.get(states.keyOf(uid) ?? '');
      if (channel !== undefined) events.record(channel, incidentIn(`${name}-${attempt}`, incident));
    },
  };
}
