import { describe, expect, test } from '@jest/globals';
import type { Ownership } from '../channel/succession.ts';
import { reportOf } from '../testing/channels.ts';
import { emptyLog, longerLog } from '../testing/log.ts';
import type { TimelineLog } from '../timeline/log.ts';
import { type FeedSource, type Published, TimelineFeed } from './feed.ts';
import type { OwnerMessage } from './messages.ts';

/** A feed of one channel that a test changes. */
function stage() {
  const log = emptyLog();
  const state = {
    published: { term: 2, ready: true, log, known: [] } as Published | null,
    followers: 0,
    now: 0,
    lastMsn: 0,
    isOwned: true,
    ownership: { owners: [], term: 2 } as Ownership,
  };
  const source: FeedSource = {
    published: (uid) => (uid === 'film' ? state.published : null),
    reportOf: (uid) =>
      uid === 'film' && state.isOwned ? { report: reportOf({ uid, lastMsn: state.lastMsn }), ladder: [] } : null,
    ownershipOf: (uid) => (uid === 'film' ? state.ownership : null),
    ownedUids: () => ['film'],
    setFollowers: (_uid, count) => {
      state.followers = count;
    },
  };
  const feed = new TimelineFeed(source, () => state.now);
  const connect = () => {
    const socket = {
      busy: false,
      sent: [] as OwnerMessage[],
      send: (message: OwnerMessage) => void socket.sent.push(message),
    };
    return { socket, connection: feed.connect(socket) };
  };
  const publish = (change: Partial<Published>): void => {
    if (state.published !== null) state.published = { ...state.published, ...change };
    feed.changed('film');
  };
  return { feed, state, connect, publish };
}

describe('the feed of an owner', () => {
  test('reports a channel anew that was gone meanwhile', () => {
    const { feed, state, connect } = stage();
    feed.reported('film');
    const { socket } = connect();
    socket.sent.length = 0;
    state.isOwned = false;
    feed.changed('film');
    state.isOwned = true;
    feed.reported('film');
    expect(socket.sent).toMatchObject([{ type: 'report', report: { uid: 'film' } }]);
  });

  test('reports all its channels at once, and sends the timelines that are subscribed to', () => {
    const { connect, publish, state } = stage();
    const { socket, connection } = connect();
    expect(socket.sent).toMatchObject([{ type: 'report', report: { uid: 'film' } }]);
    publish({ log: longerLog(state.published?.log as TimelineLog) });
    expect(socket.sent).toHaveLength(1);
    connection.receive({ type: 'subscribe', uid: 'film', term: 2, have: null });
    expect(state.followers).toBe(1);
    publish({ log: longerLog(state.published?.log as TimelineLog) });
    publish({});
    publish({ ready: false });
    expect(socket.sent.slice(1)).toMatchObject([
      { type: 'update', uid: 'film', term: 2, ready: true, log: { after: null, entries: [{ msn: 1 }] } },
      { type: 'update', ready: true, log: { after: 2, entries: [{ msn: 2 }] } },
      { type: 'update', ready: false, log: null },
    ]);
    connection.receive({ type: 'unsubscribe', uid: 'film' });
    connection.receive({ type: 'unsubscribe', uid: 'film' });
    expect(state.followers).toBe(0);
  });

  test('merges what a slow follower could not take', () => {
    const { connect, publish, state, feed } = stage();
    const { socket, connection } = connect();
    connection.receive({ type: 'subscribe', uid: 'film', term: 2, have: null });
    socket.sent.length = 0;
    socket.busy = true;
    for (let count = 0; count < 5; count += 1) publish({ log: longerLog(state.published?.log as TimelineLog) });
    feed.reported('film');
    connection.beat();
    expect(socket.sent).toEqual([{ type: 'beat' }]);
    socket.busy = false;
    connection.beat();
    expect(socket.sent.slice(1)).toMatchObject([
      { type: 'beat' },
      { type: 'report' },
      { type: 'update', log: { entries: { length: 5 } } },
    ]);
    connection.beat();
    expect(socket.sent).toHaveLength(5);
  });

  test('tells the position of a channel every ten seconds, everything else at once', () => {
    const { connect, feed, state } = stage();
    const { socket } = connect();
    feed.reported('film');
    socket.sent.length = 0;
    for (let second = 1; second <= 25; second += 1) {
      state.now += 1_000;
      state.lastMsn += 1;
      feed.reported('film');
    }
    expect(socket.sent).toMatchObject([{ report: { lastMsn: 10 } }, { report: { lastMsn: 20 } }]);
  });

  test('says that a channel is gone, and goes on when it comes back', () => {
    const { connect, publish, state, feed } = stage();
    const { socket, connection } = connect();
    publish({ log: longerLog(state.published?.log as TimelineLog) });
    connection.receive({ type: 'subscribe', uid: 'film', term: 2, have: null });
    const before = state.published;
    state.published = null;
    feed.changed('film');
    feed.changed('film');
    state.published = before;
    publish({ log: longerLog(before?.log as TimelineLog) });
    expect(socket.sent.slice(2)).toMatchObject([
      { type: 'gone', uid: 'film' },
      { type: 'update', log: { after: 2, entries: [{ msn: 2 }] } },
    ]);
  });

  test('says once who owns a channel by now, also to whoever comes later', () => {
    const { connect, state, feed } = stage();
    const [one, two] = [connect(), connect()];
    one.connection.receive({ type: 'subscribe', uid: 'film', term: 2, have: null });
    state.published = null;
    const owners = [{ podName: 'edge-2', podUid: 'two', address: '10.0.0.2:8081' }];
    state.ownership = { owners, term: 17 };
    feed.changed('film');
    feed.changed('film');
    two.connection.receive({ type: 'subscribe', uid: 'film', term: 2, have: null });
    const gone = { type: 'gone', uid: 'film', owners, term: 17 };
    expect(one.socket.sent.slice(2)).toEqual([gone]);
    expect(two.socket.sent.slice(1)).toEqual([gone]);
  });

  test('answers at the term of a follower that has heard of a higher one, and forgets who has gone', () => {
    const { connect, feed, state } = stage();
    const [one, two] = [connect(), connect()];
    one.connection.receive({ type: 'subscribe', uid: 'film', term: 7, have: null });
    two.connection.receive({ type: 'subscribe', uid: 'film', term: 1, have: null });
    expect(one.socket.sent.at(-1)).toMatchObject({ type: 'update', term: 7 });
    expect(two.socket.sent.at(-1)).toMatchObject({ type: 'update', term: 2 });
    expect(state.followers).toBe(2);
    feed.disconnect(one.connection);
    feed.disconnect(one.connection);
    expect(state.followers).toBe(1);
  });
});
