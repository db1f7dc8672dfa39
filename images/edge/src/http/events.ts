import type { ChannelStatus } from './status.ts';

/** The events of a channel with their data as JSON: `mode`, `viewers`, `health`. */
export interface StatusEvents {
  /** `{mode, targetMode, reason}` */
  readonly mode: string;
  /** `{viewerCount, viewersScope, viewersState, viewersApproximate, peakViewers}` */
  readonly viewers: string;
  /** `{health, reason, message}` */
  readonly health: string;
}

/** A status cut into events; pure. An event is sent when its text differs from the one sent before. */
export function eventsOf(status: ChannelStatus): StatusEvents {
  const { mode, targetMode, reason } = status;
  const { viewerCount, viewersScope, viewersState, viewersApproximate, peakViewers } = status;
  return {
    mode: JSON.stringify({ mode, targetMode, reason }),
    viewers: JSON.stringify({ viewerCount, viewersScope, viewersState, viewersApproximate, peakViewers }),
    health: JSON.stringify({ health: status.health, reason: status.healthReason, message: status.healthMessage }),
  };
}
