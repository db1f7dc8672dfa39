import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { ChannelViewers, type IdBudget, MAX_IDS_PER_CHANNEL } from './channel-viewers.ts';
import { sessionIdHash } from './session-id.ts';

const PLAYLIST_MS = 10_000;
const HEARTBEAT_MS = 65_000;
const MINTED = new Set(['minted-a', 'minted-b']);
const isMinted = (id: string): boolean => MINTED.has(id);

function create(budget: IdBudget = { used: 0, limit: 1_000_000 }, onChange: (hash: string) => void = () => {}) {
  return new ChannelViewers({ playlistMs: () => PLAYLIST_MS, heartbeatMs: () => HEARTBEAT_MS }, budget, onChange);
}

/** The rules of docs/how-it-works.md, as plainly as they can be written: every question looks at everything. */
class NaiveViewers {
  readonly ids = new Map<string, { playlists: number[]; heartbeat: number | null }>();
  now = 0;

  advance(now: number): void {
    this.now = now;
    for (const evidence of this.ids.values()) {
      const last = evidence.playlists.at(-1);
      if (last !== undefined && last + PLAYLIST_MS <= now) evidence.playlists = [];
      if (evidence.heartbeat !== null && evidence.heartbeat + HEARTBEAT_MS <= now) evidence.heartbeat = null;
    }
  }

  of(id: string) {
    const evidence = this.ids.get(id) ?? { playlists: [], heartbeat: null };
    this.ids.set(id, evidence);
    return evidence;
  }

  trusted(): string[] {
    return [...this.ids].flatMap(([id, { playlists }]) => (playlists.length >= (isMinted(id) ? 2 : 1) ? [id] : []));
  }

  counted(): string[] {
    const trusted = new Set(this.trusted());
    return [...this.ids].flatMap(([id, { heartbeat }]) => (heartbeat !== null || trusted.has(id) ? [id] : []));
  }
}

const idArbitrary = fc.constantFrom('anna', 'bert', 'minted-a', 'minted-b');
const stepArbitrary = fc.record({
  action: fc.constantFrom('playlist', 'heartbeat', 'leave', 'nothing'),
  id: idArbitrary,
  waitMs: fc.oneof(fc.integer({ min: 0, max: 4_000 }), fc.constantFrom(0, 9_999, 10_000, 65_000)),
});

describe('ChannelViewers', () => {
  test('agrees with the plain rules under any sequence of requests and waits', () => {
    fc.assert(
      fc.property(fc.array(stepArbitrary, { maxLength: 60 }), (steps) => {
        const known = new Map<string, boolean>();
        const budget = { used: 0, limit: 1_000_000 };
        const viewers: ChannelViewers = create(budget, (hash) => {
          const viewer = viewers.byHash(hash);
          if (viewer === null) known.delete(hash);
          else known.set(hash, viewer.trusted);
        });
        const naive = new NaiveViewers();
        let now = 0;
        let peak = 0;
        for (const { action, id, waitMs } of steps) {
          now += waitMs;
          naive.advance(now);
          if (action === 'playlist') {
            naive.of(id).playlists.push(now);
            viewers.playlistRequest(id, isMinted, now);
          } else if (action === 'heartbeat') {
            naive.of(id).heartbeat = now;
            viewers.heartbeat(id, now);
          } else if (action === 'leave') {
            naive.ids.delete(id);
            viewers.leave(id, now);
          } else viewers.expire(now);
          const counted = naive.counted().map(sessionIdHash).sort();
          const trusted = new Set(naive.trusted().map(sessionIdHash));
          peak = Math.max(peak, counted.length);
          expect(viewers.count).toBe(counted.length);
          expect(viewers.peak).toBe(peak);
          expect([...viewers.counted()].map(({ hash }) => hash).sort()).toEqual(counted);
          for (const { hash, trusted: isTrusted } of viewers.counted()) expect(isTrusted).toBe(trusted.has(hash));
          // What a listener pieced together from changes is the same again: that is what the operator knows.
          expect([...known.keys()].sort()).toEqual(counted);
          for (const [hash, isTrusted] of known) expect(isTrusted).toBe(trusted.has(hash));
        }
        viewers.expire(now + HEARTBEAT_MS);
        expect({ empty: viewers.empty, used: budget.used }).toEqual({ empty: true, used: 0 });
      }),
      { numRuns: 200 },
    );
  });

  test('counts an adopted id from its first playlist request and a minted one from its second', () => {
    const viewers = create();
    expect(viewers.playlistRequest('anna', isMinted, 0)).toBe('counted');
    expect(viewers.playlistRequest('minted-a', isMinted, 0)).toBe('waiting');
    expect(viewers.count).toBe(1);
    expect(viewers.playlistRequest('minted-a', isMinted, 2_000)).toBe('counted');
    expect(viewers.count).toBe(2);
  });

  test('forgets the first request of a minted id like any other evidence', () => {
    const viewers = create();
    viewers.playlistRequest('minted-a', isMinted, 0);
    expect(viewers.playlistRequest('minted-a', isMinted, PLAYLIST_MS)).toBe('waiting');
  });

  test('keeps a viewer whose playlists stop for as long as heartbeats come, without trust', () => {
    const viewers = create();
    viewers.playlistRequest('anna', isMinted, 0);
    viewers.heartbeat('anna', 0);
    viewers.expire(PLAYLIST_MS - 1);
    expect([...viewers.counted()]).toEqual([{ hash: sessionIdHash('anna'), trusted: true }]);
    viewers.expire(PLAYLIST_MS);
    expect([...viewers.counted()]).toEqual([{ hash: sessionIdHash('anna'), trusted: false }]);
    viewers.expire(HEARTBEAT_MS);
    expect(viewers.count).toBe(0);
  });

  test('asks whether an id is minted only when nothing is known of it', () => {
    const viewers = create();
    let asked = 0;
    const question = (): boolean => {
      asked += 1;
      return false;
    };
    for (let at = 0; at < 20_000; at += 2_000) viewers.playlistRequest('anna', question, at);
    expect(asked).toBe(1);
  });

  test('collects signs of life only while asked, and each id once', () => {
    const viewers = create();
    viewers.heartbeat('anna', 0);
    expect(viewers.takeSigns()).toEqual([]);
    viewers.collectSigns(true);
    viewers.heartbeat('anna', 1);
    viewers.playlistRequest('anna', isMinted, 2);
    viewers.playlistRequest('minted-a', isMinted, 2);
    expect(viewers.takeSigns()).toEqual([sessionIdHash('anna')]);
    expect(viewers.takeSigns()).toEqual([]);
    viewers.heartbeat('anna', 3);
    viewers.leave('anna', 4);
    expect(viewers.takeSigns()).toEqual([]);
  });

  test('does not expire anybody early when the clock steps back', () => {
    const viewers = create();
    viewers.heartbeat('anna', 100_000);
    viewers.heartbeat('bert', 50_000);
    viewers.expire(100_000 + HEARTBEAT_MS - 1);
    expect(viewers.count).toBe(2);
  });

  test('takes no new ids when its room or the room of all channels is taken, and says that the count is approximate', () => {
    const full = create({ used: 5, limit: 5 });
    expect(full.heartbeat('anna', 0)).toBe('full');
    expect(full.approximate).toBe(true);

    const viewers = create();
    for (let index = 0; index < MAX_IDS_PER_CHANNEL; index += 1) viewers.heartbeat(`id-${index}`, 0);
    expect(viewers.approximate).toBe(false);
    expect(viewers.playlistRequest('one-more', isMinted, 0)).toBe('full');
    expect(viewers.playlistRequest('id-7', isMinted, 0)).toBe('counted');
    expect({ count: viewers.count, approximate: viewers.approximate }).toEqual({
      count: MAX_IDS_PER_CHANNEL,
      approximate: true,
    });
    viewers.expire(HEARTBEAT_MS);
    expect({ count: viewers.count, approximate: viewers.approximate }).toEqual({ count: 0, approximate: false });
  });
});
