import type { ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { refusal } from '../client/api-error.ts';
import type { WatchEvent } from '../client/client.ts';
import { statusOf } from './api-server.ts';
import type { SeenRequest } from './request.ts';

/** What goes wrong with a request. */
export type Fault =
  /** An error answer with a metav1.Status. */
  | { readonly kind: 'status'; readonly status: number; readonly reason?: string; readonly retryAfterSeconds?: number }
  /** The answer begins after this time. */
  | { readonly kind: 'slow'; readonly milliseconds: number }
  /** The connection is closed without an answer. */
  | { readonly kind: 'reset' }
  /** The request is taken and never answered; for a watch: the answer begins and stays silent (half-closed). */
  | { readonly kind: 'silent' }
  /** Only for watches: the stream breaks in the middle of its next event. */
  | { readonly kind: 'cut' }
  /** Only for watches: an ERROR event instead of the next event. */
  | { readonly kind: 'errorEvent'; readonly status: number; readonly reason: string; readonly message?: string }
  /** Only for watches: each event comes twice, and the one before it once more afterwards. */
  | { readonly kind: 'disorder'; readonly before?: string }
  /** An answer of 200 that is no JSON. */
  | { readonly kind: 'garbage' };

/** Which requests a fault meets. Everything that is left out matches. */
export interface FaultMatch {
  readonly method?: string;
  readonly plural?: string;
  /** true: only watches; false: everything else. */
  readonly watch?: boolean;
  readonly subresource?: string;
  /** true: only what writes, or wants to. */
  readonly write?: boolean;
  /** Of those that match only each so-many-th, e.g. 2: the second, the fourth. */
  readonly every?: number;
}

interface PlannedFault {
  readonly fault: Fault;
  readonly match: FaultMatch;
  left: number;
  met: boolean;
  /** Requests that have matched so far. */
  seen: number;
}

/** Faults that are planned, first come first served. */
export class Faults {
  #planned: PlannedFault[] = [];

  /** Faults that are planned and have met no request yet. */
  get unmet(): readonly FaultMatch[] {
    return this.#planned.filter(({ met }) => !met).map(({ match }) => match);
  }

  /** Lets the next `times` requests that match fail like this; Infinity until {@link clear}. */
  plan(fault: Fault, match: FaultMatch = {}, times = 1): void {
    this.#planned.push({ fault, match, left: times, met: false, seen: 0 });
  }

  clear(): void {
    this.#planned = [];
  }

  /** The fault that meets this request, used up thereby. */
  take(request: SeenRequest): Fault | null {
    const planned = this.#planned.find((each) => matches(each.match, request) && isTurn(each));
    if (planned === undefined) return null;
    planned.left -= 1;
    planned.met = true;
    if (planned.left <= 0) this.#planned = this.#planned.filter((other) => other !== planned);
    return planned.fault;
  }
}

function isTurn(planned: PlannedFault): boolean {
  planned.seen += 1;
  return planned.seen % (planned.match.every ?? 1) === 0;
}

function matches(match: FaultMatch, request: SeenRequest): boolean {
  return (
    (match.method === undefined || match.method === request.method) &&
    (match.plural === undefined || match.plural === request.plural) &&
    (match.watch === undefined || match.watch === request.watch) &&
    (match.subresource === undefined || match.subresource === request.subresource) &&
    (match.write === undefined || match.write === (request.method !== 'GET'))
  );
}

/** Lets a fault happen. @returns whether the request ended thereby @throws ApiError for an error answer */
export async function applyFault(fault: Fault, seen: SeenRequest, response: ServerResponse): Promise<boolean> {
  switch (fault.kind) {
    case 'slow':
      await sleep(fault.milliseconds);
      return false;
    case 'status':
      if (fault.retryAfterSeconds !== undefined) response.setHeader('retry-after', fault.retryAfterSeconds);
      throw refusal(fault.status, fault.reason ?? 'Planned', 'fault by plan');
    case 'reset':
      response.destroy();
      return true;
    case 'garbage':
      response.writeHead(200, { 'content-type': 'application/json' }).end('<html>\n');
      return true;
    case 'silent':
      return !seen.watch;
    default:
      return false;
  }
}

/** Writes an event of a watch that a fault may have met. @returns the fault that meets the watch from now on */
export function writeFaultyEvent(fault: Fault | null, response: ServerResponse, event: WatchEvent): Fault | null {
  if (fault?.kind === 'silent' || response.destroyed) return fault;
  const line = `${JSON.stringify(event)}\n`;
  if (fault?.kind === 'cut') {
    response.write(line.slice(0, line.length / 2), () => response.destroy());
  } else if (fault?.kind === 'errorEvent') {
    const { status, reason, message = `${reason} by plan` } = fault;
    response.end(`${JSON.stringify({ type: 'ERROR', object: statusOf(refusal(status, reason, message)) })}\n`);
  } else if (fault?.kind === 'disorder') {
    response.write(`${line}${line}${fault.before ?? ''}`);
    return { ...fault, before: line };
  } else {
    response.write(line);
    return fault;
  }
  return { kind: 'silent' };
}
