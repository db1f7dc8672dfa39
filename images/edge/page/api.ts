/** How the edge names the modes towards viewers. */
export type ViewerMode = 'idle' | 'direct' | 'proxy' | 'transcode';

/** The edge's answer to a heartbeat. */
export interface HeartbeatAnswer {
  readonly viewerCount: number | null;
  readonly mode: ViewerMode;
  readonly streamUrl: string;
  readonly nextHeartbeatSeconds: number;
}

/** A refusal by the edge; `code` is stable, `message` is for people. */
export class ApiRefusal extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.name = 'ApiRefusal';
    this.status = status;
    this.code = code;
  }
}

/** Longer than a slow phone network needs for a few hundred bytes. */
const TIMEOUT_MILLISECONDS = 10_000;

/**
 * Tells the edge that this viewer is there. @param sourceError what failed, if the player cannot reach the source
 * @throws ApiRefusal if the edge answers with an error; TypeError or a DOMException if it cannot be reached
 */
export async function sendHeartbeat(
  channelId: string,
  sessionId: string,
  sourceError?: string,
): Promise<HeartbeatAnswer> {
  const response = await fetch('/api/stream/heartbeat', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(sourceError === undefined ? { channelId, sessionId } : { channelId, sessionId, sourceError }),
    signal: AbortSignal.timeout(TIMEOUT_MILLISECONDS),
  });
  if (!response.ok) throw await refusalOf(response);
  return (await response.json()) as HeartbeatAnswer;
}

/** Tells the edge that the viewer has gone; survives the end of the page. */
export function sendLeave(channelId: string, sessionId: string): void {
  navigator.sendBeacon('/api/stream/leave', JSON.stringify({ channelId, sessionId }));
}

async function refusalOf(response: Response): Promise<ApiRefusal> {
  try {
    const body = (await response.json()) as { readonly error?: { readonly code?: string; readonly message?: string } };
    return new ApiRefusal(response.status, body.error?.code ?? 'UNKNOWN', body.error?.message ?? response.statusText);
  } catch {
    return new ApiRefusal(response.status, 'UNKNOWN', response.statusText);
  }
}
