/** As docs/how-it-works.md states the rules of counting; three target durations of 2 s are less than 10 s. */
const PLAYLIST_MS = 10_000;
const HEARTBEAT_MS = 65_000;

interface Evidence {
  playlistAt: number;
  confirmed: boolean;
  heartbeatAt: number;
}

/**
 * What the count should be: who watches, and whom the rules count, kept in one place that sees every request at once and
 * never fails. Written as plainly as can be; counting looks at everything.
 */
export class Truth {
  /** Players by id: tabs that share an id are one viewer. */
  readonly #players = new Map<string, number>();
  readonly #evidence = new Map<string, Evidence>();

  playerStarts(id: string): void {
    this.#players.set(id, (this.#players.get(id) ?? 0) + 1);
  }

  playerEnds(id: string): void {
    const left = (this.#players.get(id) ?? 0) - 1;
    if (left > 0) this.#players.set(id, left);
    else this.#players.delete(id);
  }

  playlist(id: string, isMinted: boolean, now: number): void {
    const evidence = this.#of(id);
    evidence.confirmed = !isMinted || Number.isFinite(evidence.playlistAt);
    evidence.playlistAt = now;
  }

  heartbeat(id: string, now: number): void {
    this.#of(id).heartbeatAt = now;
  }

  leave(id: string): void {
    this.#evidence.delete(id);
  }

  /** Viewers who watch at this moment. */
  get watching(): number {
    return this.#players.size;
  }

  /** Viewers whom the rules count at this moment, and those among them who ask for playlists. */
  counted(now: number): { readonly viewers: number; readonly trusted: number } {
    let viewers = 0;
    let trusted = 0;
    for (const [id, evidence] of this.#evidence) {
      const byPlaylist = evidence.confirmed && evidence.playlistAt + PLAYLIST_MS > now;
      const byHeartbeat = evidence.heartbeatAt + HEARTBEAT_MS > now;
      trusted += Number(byPlaylist);
      if (byPlaylist || byHeartbeat) viewers += 1;
      else if (evidence.playlistAt + PLAYLIST_MS <= now) this.#evidence.delete(id);
    }
    return { viewers, trusted };
  }

  #of(id: string): Evidence {
    const known = this.#evidence.get(id);
    if (known !== undefined) return known;
    const evidence = { playlistAt: Number.NEGATIVE_INFINITY, confirmed: false, heartbeatAt: Number.NEGATIVE_INFINITY };
    this.#evidence.set(id, evidence);
    return evidence;
  }
}
