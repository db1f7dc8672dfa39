/** How many StreamSessions may run at the same time. */
export interface SessionLimits {
  /** Of one owner; at least 1. */
  readonly perOwner: number;
  /** Of all owners together; at least 1. */
  readonly total: number;
}

/** One StreamSession that runs or wants to. */
export interface Claim {
  readonly uid: string;
  /** Whose limit it counts towards ({@link ownerOf}). */
  readonly owner: string;
  /** Higher goes first. */
  readonly priority: number;
  /** RFC 3339 in UTC with seconds, as the API server writes it: comparable as text. */
  readonly createdAt: string;
  /** `namespace/name`; decides between claims of the same second. */
  readonly key: string;
  /** Runs already: what was admitted is never sent back to wait. */
  readonly admitted: boolean;
}

/** The answer to one claim. */
export type Verdict = { readonly admitted: true } | Refusal;

/** Which limit is reached, and how far. */
export interface Refusal {
  readonly admitted: false;
  readonly scope: 'owner' | 'total';
  readonly owner: string;
  readonly limit: number;
  /** Sessions that count towards the limit now; above it after the limit was lowered. */
  readonly current: number;
}

/** The one answer for all that may run. */
export const ADMITTED: Verdict = { admitted: true };

interface Queue {
  readonly owner: string;
  running: number;
  /** In the order in which they start. */
  readonly waiting: Claim[];
}

/**
 * Decides which StreamSessions run; pure, and the same for any order of the claims. Those that run stay. Free places go
 * to the highest priority; within it to the owner with the fewest sessions, so that nobody who asks for many keeps
 * others waiting; then to the oldest. Nobody waits who fits.
 * @returns the verdict of every claim by uid
 */
export function admit(claims: readonly Claim[], limits: SessionLimits): ReadonlyMap<string, Verdict> {
  const verdicts = new Map<string, Verdict>();
  const queues = queuesOf(claims, verdicts);
  let running = verdicts.size;
  while (running < limits.total) {
    const next = nextQueue(queues, limits);
    const claim = next?.waiting.shift();
    if (next === undefined || claim === undefined) break;
    verdicts.set(claim.uid, ADMITTED);
    next.running += 1;
    running += 1;
  }
  for (const queue of queues) {
    const refusal = refusalOf(queue, running, limits);
    for (const { uid } of queue.waiting) verdicts.set(uid, refusal);
  }
  return verdicts;
}

function queuesOf(claims: readonly Claim[], verdicts: Map<string, Verdict>): readonly Queue[] {
  const queues = new Map<string, Queue>();
  for (const claim of claims) {
    const queue = queues.get(claim.owner) ?? { owner: claim.owner, running: 0, waiting: [] };
    queues.set(claim.owner, queue);
    if (claim.admitted) {
      queue.running += 1;
      verdicts.set(claim.uid, ADMITTED);
    } else queue.waiting.push(claim);
  }
  for (const { waiting } of queues.values()) waiting.sort(byTurn);
  return [...queues.values()];
}

/** The queue whose first claim is next; undefined if nobody fits. */
function nextQueue(queues: readonly Queue[], { perOwner }: SessionLimits): Queue | undefined {
  let best: Queue | undefined;
  for (const queue of queues) {
    if (queue.waiting.length === 0 || queue.running >= perOwner) continue;
    if (best === undefined || isBefore(queue, best)) best = queue;
  }
  return best;
}

function isBefore(one: Queue, other: Queue): boolean {
  const [mine, theirs] = [one.waiting[0], other.waiting[0]];
  if (mine === undefined || theirs === undefined) return mine !== undefined;
  if (mine.priority !== theirs.priority) return mine.priority > theirs.priority;
  if (one.running !== other.running) return one.running < other.running;
  return byTurn(mine, theirs) < 0;
}

function byTurn(one: Claim, other: Claim): number {
  return (
    other.priority - one.priority || compareText(one.createdAt, other.createdAt) || compareText(one.key, other.key)
  );
}

function compareText(one: string, other: string): number {
  if (one === other) return 0;
  return one < other ? -1 : 1;
}

function refusalOf({ owner, running }: Queue, all: number, { perOwner, total }: SessionLimits): Refusal {
  return running >= perOwner
    ? { admitted: false, scope: 'owner', owner, limit: perOwner, current: running }
    : { admitted: false, scope: 'total', owner, limit: total, current: all };
}

/** Why a session waits, as conditions and events say it. */
export function refusalText({ scope, owner, limit, current }: Refusal): string {
  const whose = scope === 'owner' ? `StreamSessions of ${owner}` : 'StreamSessions';
  return `${current} ${whose} run, and the limit is ${limit}: this one starts when one of them ends`;
}
