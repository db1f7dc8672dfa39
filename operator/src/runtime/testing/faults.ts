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
  /** An answer of 200 that is no JSON. */
  | { readonly kind: 'garbage' };

/** Which requests a fault meets. Everything that is left out matches. */
export interface FaultMatch {
  readonly method?: string;
  readonly plural?: string;
  /** true: only watches; false: everything else. */
  readonly watch?: boolean;
  readonly subresource?: string;
}

/** A request as faults and the log see it. */
export interface SeenRequest {
  readonly method: string;
  /** Path with query. */
  readonly url: string;
  readonly plural: string;
  /** Empty for collections. */
  readonly name: string;
  readonly namespace: string;
  readonly subresource: string;
  readonly watch: boolean;
  readonly contentType: string;
  readonly authorization: string;
}

interface PlannedFault {
  readonly fault: Fault;
  readonly match: FaultMatch;
  left: number;
}

/** Faults that are planned, first come first served. */
export class Faults {
  #planned: PlannedFault[] = [];

  /** Lets the next `times` requests that match fail like this; Infinity until {@link clear}. */
  plan(fault: Fault, match: FaultMatch = {}, times = 1): void {
    this.#planned.push({ fault, match, left: times });
  }

  clear(): void {
    this.#planned = [];
  }

  /** The fault that meets this request, used up thereby. */
  take(request: SeenRequest): Fault | null {
    const planned = this.#planned.find(({ match }) => matches(match, request));
    if (planned === undefined) return null;
    planned.left -= 1;
    if (planned.left <= 0) this.#planned = this.#planned.filter((other) => other !== planned);
    return planned.fault;
  }
}

function matches(match: FaultMatch, request: SeenRequest): boolean {
  return (
    (match.method === undefined || match.method === request.method) &&
    (match.plural === undefined || match.plural === request.plural) &&
    (match.watch === undefined || match.watch === request.watch) &&
    (match.subresource === undefined || match.subresource === request.subresource)
  );
}
