import type { SessionReport } from '@sluice/common/link/owner-report.ts';
import type { Route } from '@sluice/common/link/route.ts';
import { type AgentReport, MAX_SEGMENT_BYTES } from '@sluice/common/work/contract.ts';
import { NO_PROMOTION, type Promotion, type RowInput, sessionState } from './row.ts';
import type { SessionUnderWay } from './under-way.ts';

/** Silence in ms after which an agent counts as gone: four of its reports. */
const AGENT_SILENT_MS = 20_000;

/** Requests of one session at a time: two pods in a replacement, each with a poll, a report and an upload per rung. */
const MAX_REQUESTS = 32;

/** Uploads of one session at a time, per rung: agents send one after the other, and a replacement has two of them. */
const UPLOADS_PER_RUNG = 2;

/**
 * Bytes of one session's uploads at a time: one of the largest that may be, and some beside it; or all rungs of a ladder of
 * 40 Mbit/s in segments of 10 s.
 */
const MAX_UPLOAD_BYTES = MAX_SEGMENT_BYTES + 10_000_000;

/** A transcode session as its channel's owner sees it: which attempt works, and what it has stored. */
export class TranscodeSession {
  readonly name: string;
  readonly uid: string;
  #tokenSha256: string;
  #rungs: readonly string[];
  #attempt = 0;
  #lastSeenAt = Number.NEGATIVE_INFINITY;
  #report: AgentReport | null = null;
  #draining = false;
  #requests = 0;
  #uploads = 0;
  #uploadBytes = 0;
  /** What is being stored, with the initialization section that it needs; null for MPEG-TS. */
  readonly #claims = new Map<string, string | null>();
  /** Stored rungs by number, each with its section as above. */
  readonly #rows = new Map<number, Map<string, string | null>>();
  promotion: Promotion = NO_PROMOTION;

  constructor(session: NonNullable<Route['session']>) {
    this.name = session.name;
    this.uid = session.uid;
    this.#tokenSha256 = session.tokenSha256;
    this.#rungs = session.rungs;
  }

  /** For the channel's next owner. */
  get underWay(): SessionUnderWay {
    const rows = [...this.#rows].map(([msn, row]) => {
      const sections = Object.fromEntries(this.sectionsOf(msn));
      return { msn, rungs: [...row.keys()], ...(Object.keys(sections).length === 0 ? {} : { sections }) };
    });
    const [report, draining, promotion] = [this.#report, this.#draining, { ...this.promotion }];
    return { uid: this.uid, attempt: this.#attempt, report, draining, promotion, rows };
  }

  /** Goes on where the channel's last owner stopped at `now`, ms of the clock. Nothing happens for another session. */
  goOn({ uid, attempt, report, draining, promotion, rows }: SessionUnderWay, now: number): void {
    if (uid !== this.uid || attempt <= this.#attempt) return;
    this.called(attempt, now);
    this.#report = report;
    this.#draining = draining;
    this.promotion = promotion;
    for (const { msn, rungs, sections = {} } of rows) {
      this.#rows.set(msn, new Map(rungs.map((rung) => [rung, sections[rung] ?? null])));
    }
  }

  /** Takes what may change while a session runs. */
  update(session: NonNullable<Route['session']>): void {
    this.#tokenSha256 = session.tokenSha256;
    this.#rungs = session.rungs;
  }

  get tokenSha256(): string {
    return this.#tokenSha256;
  }

  get attempt(): number {
    return this.#attempt;
  }

  get rungs(): readonly string[] {
    return this.#rungs;
  }

  get draining(): boolean {
    return this.#draining;
  }

  /**
   * An agent has called. False where a newer attempt works; a newer one takes over with nothing stored, because its
   * stream is another one.
   */
  called(attempt: number, now: number): boolean {
    if (attempt < this.#attempt) return false;
    if (attempt > this.#attempt) {
      this.#attempt = attempt;
      this.#report = null;
      this.#draining = false;
      this.#rows.clear();
      this.promotion = { ...NO_PROMOTION, late: this.promotion.live || this.promotion.late };
    }
    this.#lastSeenAt = now;
    return true;
  }

  /**
   * Begins a request of this session's agents, which holds memory until the returned function is called; null where
   * too many are under way already.
   */
  enter(uploadBytes: number | null): (() => void) | null {
    const [uploads, bytes] = uploadBytes === null ? [0, 0] : [1, uploadBytes];
    if (this.#requests >= MAX_REQUESTS) return null;
    if (this.#uploads + uploads > UPLOADS_PER_RUNG * this.#rungs.length) return null;
    if (this.#uploadBytes + bytes > MAX_UPLOAD_BYTES) return null;
    this.#requests += 1;
    this.#uploads += uploads;
    this.#uploadBytes += bytes;
    return () => {
      this.#requests -= 1;
      this.#uploads -= uploads;
      this.#uploadBytes -= bytes;
    };
  }

  /** The agent wants to end: the source takes over with the next segment. */
  drain(): void {
    this.#draining = true;
  }

  reported(report: AgentReport): void {
    this.#report = report;
  }

  /**
   * Claims the right to store one rung's segment; false where a newer attempt works, or where it is stored or being stored,
   * because a second write could replace what is listed already. The claim ends with `unclaim`, behind `stored` where that
   * came about.
   *
   * @param section name of the initialization section that it needs; null for MPEG-TS
   */
  claim(attempt: number, msn: number, rung: string, section: string | null = null): boolean {
    const key = `${attempt}/${msn}/${rung}`;
    if (attempt !== this.#attempt || this.#claims.has(key) || this.#rows.get(msn)?.has(rung) === true) return false;
    this.#claims.set(key, section);
    return true;
  }

  unclaim(attempt: number, msn: number, rung: string): void {
    this.#claims.delete(`${attempt}/${msn}/${rung}`);
  }

  /** What was claimed is stored. */
  stored(msn: number, rung: string, section: string | null = null): void {
    const row = this.#rows.get(msn) ?? new Map<string, string | null>();
    row.set(rung, section);
    this.#rows.set(msn, row);
  }

  /** Initialization sections of the stored rungs of a segment, by rung; of MPEG-TS none. */
  sectionsOf(msn: number): ReadonlyMap<string, string> {
    return new Map([...(this.#rows.get(msn) ?? [])].flatMap(([rung, name]) => (name === null ? [] : [[rung, name]])));
  }

  /** Names of all initialization sections that stored rungs need, and those that are being stored. */
  get sections(): readonly string[] {
    const all = [...this.#claims.values(), ...[...this.#rows.values()].flatMap((row) => [...row.values()])];
    return all.filter((name) => name !== null);
  }

  /** Forgets rows up to `msn`, which have been published. */
  forget(msn: number): void {
    for (const known of this.#rows.keys()) if (known <= msn) this.#rows.delete(known);
  }

  /** A new epoch: nothing stored before belongs to it. */
  restart(): void {
    this.#rows.clear();
    this.promotion = { ...NO_PROMOTION, late: this.promotion.live || this.promotion.late };
  }

  connected(now: number): boolean {
    return this.#attempt > 0 && now - this.#lastSeenAt < AGENT_SILENT_MS;
  }

  /** What a row's decision needs; null where the transcoder gives nothing. */
  rowOf(msn: number): RowInput['transcoder'] {
    if (this.#attempt === 0 || this.#draining) return null;
    const dropped = new Set(this.#report?.droppedRungs ?? []);
    return {
      attempt: this.#attempt,
      rungs: this.#rungs.filter((rung) => !dropped.has(rung)),
      stored: new Set(this.#rows.get(msn)?.keys()),
    };
  }

  toReport(now: number): SessionReport {
    const firstSegmentsSeconds = this.#report?.firstSegmentsSeconds;
    return {
      name: this.name,
      attempt: Math.max(1, this.#attempt),
      state: sessionState(this.promotion, this.connected(now)),
      encoder: this.#report?.encoder ?? '',
      fallback: this.#report?.fallback ?? '',
      speed: this.#report?.speed ?? null,
      outTimeSeconds: this.#report?.outTimeSeconds ?? null,
      droppedRungs: this.#report?.droppedRungs ?? [],
      message: this.#report?.message ?? '',
      ...(firstSegmentsSeconds === undefined ? {} : { firstSegmentsSeconds }),
      incidents: this.#report?.incidents ?? [],
    };
  }
}
