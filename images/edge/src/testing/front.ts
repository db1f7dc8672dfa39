import type { Route } from '@sluice/common/link/route.ts';
import { createApi } from '../http/api.ts';
import { EventHub } from '../http/event-hub.ts';
import { createLiveHandler } from '../http/live.ts';
import { createViewerServer } from '../http/server.ts';
import { channelStatus } from '../http/status.ts';
import { RouteTable } from '../routes/table.ts';
import { Admissions } from '../viewers/admissions.ts';
import { Audiences } from '../viewers/audiences.ts';
import { createSessionIds } from '../viewers/session-id.ts';
import { ChannelsDouble } from './channels.ts';
import { openServer } from './http.ts';

/** The viewer server with everything behind it but media and link, and a clock that stands still until it is moved. */
export async function openViewerServer() {
  const clock = { now: 0 };
  const channels = new ChannelsDouble();
  const routes = new RouteTable();
  const sessionIds = createSessionIds(Buffer.alloc(32, 1));
  const failures: unknown[] = [];
  const asked: string[] = [];
  const sourceErrors: [uid: string, message: string][] = [];
  const polled: string[] = [];
  const onPlaylist = ({ uid, maxViewers }: Route, rung: string): void =>
    void polled.push(`${uid} ${rung}${maxViewers === undefined ? '' : `, limit ${maxViewers}`}`);
  const onFailure = (thrown: unknown): void => void failures.push(thrown);
  const audiences = new Audiences({
    now: () => clock.now,
    targetDurationSeconds: () => 2,
    wholeCount: () => null,
    mintedAgeMs: (key, id) => sessionIds.mintedAgeMs(key, id),
    isServed: (uid) => routes.byUid(uid) !== null,
  });
  const admissions = new Admissions(audiences);
  routes.subscribe({ applied: (route) => channels.apply(route), removed: ({ uid }) => void channels.remove(uid) });
  const events = new EventHub((key) => {
    const live = channels.live(key);
    return live === null ? null : channelStatus(live, audiences.local(live.route.uid), true);
  });
  const server = createViewerServer(
    createLiveHandler({ routes, channels, audiences, admissions, sessionIds, onPlaylist, onFailure }),
    createApi({
      channels,
      audiences,
      admissions,
      events,
      onAsked: async ({ uid }) => void asked.push(uid),
      now: () => clock.now,
      operatorFresh: () => true,
      onSourceError: (uid, message) => void sourceErrors.push([uid, message]),
      onFailure,
    }),
  );
  const { ask, close } = await openServer(server);
  return {
    ...{ ask, clock, channels, routes, audiences, admissions, events, asked, failures, polled, sourceErrors },
    async close(): Promise<void> {
      events.close();
      await close();
    },
  };
}

/** {@link openViewerServer}'s result. */
export type TestFront = Awaited<ReturnType<typeof openViewerServer>>;
