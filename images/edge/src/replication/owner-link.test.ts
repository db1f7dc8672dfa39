import { describe, expect, test } from '@jest/globals';
import { VirtualClock } from '../testing/virtual-clock.ts';
import type { FollowerMessage } from './messages.ts';
import { type Dial, type DialEvents, type LinkedChannel, type OwnerAddress, OwnerLinks } from './owner-link.ts';

const OWNER = { podUid: 'owner', address: '10.0.0.1:8081' };

/** Links whose sockets a test drives. */
function stage() {
  const clock = new VirtualClock(0, async () => {});
  const dials: { owner: OwnerAddress; events: DialEvents; sent: FollowerMessage[]; closed: boolean }[] = [];
  const refusals: number[] = [];
  const dialOne: Dial = (owner, events) => {
    const dial = { owner, events, sent: [] as FollowerMessage[], closed: false };
    dials.push(dial);
    return {
      send: (message) => void dial.sent.push(message),
      close: () => {
        dial.closed = true;
      },
    };
  };
  const links = new OwnerLinks(dialOne, clock, (_owner, status) => void refusals.push(status));
  const channel = (uid: string) => {
    const heard: string[] = [];
    const linked: LinkedChannel = {
      uid,
      request: () => ({ term: 4, have: { nextMsn: 9, digest: 'd' } }),
      updated: ({ ready }) => void heard.push(`update ${ready}`),
      reported: () => void heard.push('report'),
      gone: () => void heard.push('gone'),
      lost: () => void heard.push('lost'),
      away: () => void heard.push('away'),
    };
    return { heard, linked };
  };
  return { clock, dials, refusals, links, channel };
}

describe('the link to an owner', () => {
  test('is one for all channels, subscribes to those that are wanted, and ends with the last', () => {
    const { dials, links, channel } = stage();
    const [one, two] = [channel('one'), channel('two')];
    const first = links.attach(OWNER, one.linked);
    const second = links.attach(OWNER, two.linked);
    first.want(true);
    expect(dials).toHaveLength(1);
    expect(dials[0]?.sent).toEqual([]);
    dials[0]?.events.opened();
    expect(dials[0]?.sent).toEqual([{ type: 'subscribe', uid: 'one', term: 4, have: { nextMsn: 9, digest: 'd' } }]);
    const update = { type: 'update', term: 4, ready: true, log: null } as const;
    dials[0]?.events.received({ ...update, uid: 'one' });
    dials[0]?.events.received({ ...update, uid: 'two' });
    dials[0]?.events.received({ ...update, uid: 'three' });
    expect([one.heard, two.heard]).toEqual([['update true'], []]);
    first.want(false);
    expect(dials[0]?.sent.at(-1)).toEqual({ type: 'unsubscribe', uid: 'one' });
    first.detach();
    expect(dials[0]?.closed).toBe(false);
    second.detach();
    expect(dials[0]?.closed).toBe(true);
  });

  test('counts an owner as away 1.25 s after its last word, tells so again and again, and goes on from there', async () => {
    const { clock, dials, links, channel } = stage();
    const { heard, linked } = channel('one');
    const attachment = links.attach(OWNER, linked);
    attachment.want(true);
    dials[0]?.events.opened();
    for (let beat = 0; beat < 12; beat += 1) {
      await clock.advance(250);
      dials[0]?.events.received({ type: 'beat' });
    }
    expect(heard).toEqual([]);
    expect(dials[0]?.sent.filter(({ type }) => type === 'beat')).toHaveLength(3);
    await clock.advance(1_299);
    expect(heard).toEqual([]);
    await clock.advance(1);
    expect(heard).toEqual(['lost', 'away']);
    expect(dials[0]?.closed).toBe(true);
    expect([attachment.connected, attachment.isAway]).toEqual([false, true]);
    await clock.advance(1_000);
    expect(heard).toEqual(['lost', ...Array(5).fill('away')]);
    dials[1]?.events.opened();
    expect(dials[1]?.sent).toEqual([expect.objectContaining({ type: 'subscribe', uid: 'one' })]);
    expect(attachment.isAway).toBe(false);
    links.close();
    expect(clock.size).toBe(0);
  });

  test('dials again with longer and longer pauses', async () => {
    const { clock, dials, links, channel } = stage();
    links.attach(OWNER, channel('one').linked);
    const pauses: number[] = [];
    for (let attempt = 0; attempt < 6; attempt += 1) {
      const from = clock.now();
      dials[attempt]?.events.closed();
      while (dials.length === attempt + 1) await clock.advance(50);
      pauses.push(clock.now() - from);
    }
    expect(pauses).toEqual([250, 500, 1_000, 2_000, 2_000, 2_000]);
    links.close();
    await clock.advance(10_000);
    expect(dials).toHaveLength(7);
  });

  test('waits longer for an owner that has stood still of late, and for one that resets connections as long as for others', async () => {
    const { clock, dials, links, channel } = stage();
    const { heard, linked } = channel('one');
    links.attach(OWNER, linked);
    dials[0]?.events.opened();
    await clock.advance(900);
    dials[0]?.events.received({ type: 'beat' });
    await clock.advance(1_400);
    expect(heard).toEqual([]);
    dials[0]?.events.closed();
    expect(heard).toEqual(['lost']);
    await clock.advance(50);
    expect(heard).toEqual(['lost', 'away']);
    links.close();
  });

  test('counts no owner as away that refuses the connection, and says so once', async () => {
    const { clock, dials, refusals, links, channel } = stage();
    const { heard, linked } = channel('one');
    const attachment = links.attach(OWNER, linked);
    const pauses: number[] = [];
    for (let attempt = 0; attempt < 6; attempt += 1) {
      const from = clock.now();
      dials[attempt]?.events.refused(401, 'owner');
      while (dials.length === attempt + 1) await clock.advance(50);
      pauses.push(clock.now() - from);
    }
    expect(pauses).toEqual([250, 500, 1_000, 2_000, 2_000, 2_000]);
    expect(heard).toEqual([]);
    expect(attachment.isAway).toBe(false);
    expect(refusals).toEqual([401]);
    dials[6]?.events.closed();
    await clock.advance(2_000);
    expect(heard.slice(0, 2)).toEqual(['away', 'away']);
    dials[7]?.events.opened();
    dials[7]?.events.closed();
    await clock.advance(2_000);
    dials[8]?.events.refused(503, 'owner');
    expect(refusals).toEqual([401, 503]);
    links.close();
  });

  test.each(['another', null])('counts an owner as away at whose address pod %s answers', async (podUid) => {
    const { clock, dials, refusals, links, channel } = stage();
    const { heard, linked } = channel('one');
    const attachment = links.attach(OWNER, linked);
    while (clock.now() < 1_600) {
      dials.at(-1)?.events.refused(401, podUid);
      await clock.advance(50);
    }
    expect(heard.at(-1)).toBe('away');
    expect(attachment.isAway).toBe(true);
    expect(refusals).toEqual([401]);
    links.close();
  });
});
