import type { Logger } from '@sluice/common/log/log.ts';
import type { ChannelService } from '../channel/service.ts';
import type { RouteTable } from '../routes/table.ts';
import type { Audiences } from '../viewers/audiences.ts';
import { PlaylistFiles } from './files.ts';
import { PlaylistFolder } from './folder.ts';
import { Looks } from './looks.ts';
import { PollLog } from './poll-log.ts';
import { AnsweredPolls } from './polls.ts';
import { PublishedPlaylists } from './published.ts';

/** nginx writes what it has gathered after as long: a viewer is counted a quarter of a second after its poll. */
const LOOK_MS = 100;

/** What playlists that nginx sends are made of. */
export interface NginxPlaylistsContext {
  readonly runDirectory: string;
  readonly routes: RouteTable;
  readonly channels: ChannelService;
  readonly audiences: Audiences;
  readonly log: Logger;
}

/** Lets nginx send the playlists that many viewers ask for, and counts these viewers. */
export class NginxPlaylists {
  readonly published: PublishedPlaylists;
  readonly polls: AnsweredPolls;
  readonly #folder: PlaylistFolder;
  readonly #files: PlaylistFiles;
  readonly #pollLog: PollLog;
  readonly #log: Logger;
  readonly #looks = new Looks(LOOK_MS);
  #timer: NodeJS.Timeout | null = null;
  #looking: Promise<void> = Promise.resolve();
  #isLooking = false;
  /** What fails at each look is told once. */
  #isTold = false;

  constructor({ runDirectory, routes, channels, audiences, log }: NginxPlaylistsContext) {
    this.#log = log;
    this.#folder = new PlaylistFolder(runDirectory);
    this.#files = new PlaylistFiles(this.#folder, log);
    this.#pollLog = new PollLog(runDirectory);
    this.published = new PublishedPlaylists(this.#files, channels);
    const { published } = this;
    this.polls = new AnsweredPolls({ routes, audiences, channels, published, wallNow: Date.now });
    routes.subscribe({ applied: (route) => published.renew(route), removed: (route) => published.forget(route) });
    audiences.onLeave((uid, hash) => this.polls.left(uid, hash));
    const renew = (uid: string): void => {
      const route = published.hasFiles(uid) ? routes.byUid(uid) : null;
      if (route !== null) published.renew(route);
    };
    channels.onPublished(renew);
    channels.onFollowed(renew);
  }

  /** Makes folder and log, before nginx starts. */
  async open(): Promise<void> {
    await this.#folder.open();
    await this.#pollLog.open();
    this.#timer = setInterval(() => {
      const isDue = this.#looks.isDue(this.published.hasAny);
      if (isDue && !this.#isLooking) this.#looking = this.#look();
    }, LOOK_MS);
  }

  /** nginx asks for every playlist from now on. */
  async close(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer);
    await this.#looking;
    await this.#folder.close();
    await this.#files.settled();
    await this.#pollLog.close();
  }

  async #look(): Promise<void> {
    this.#isLooking = true;
    try {
      await this.#pollLog.read((polls) => this.polls.take(polls));
      this.published.renewAll();
      await this.#folder.keepAlive();
      this.#isTold = false;
    } catch (thrown) {
      // Without them nginx asks for every playlist after a moment.
      if (!this.#isTold) this.#log.warn({ err: thrown }, 'playlists for nginx cannot be kept');
      this.#isTold = true;
    } finally {
      this.#isLooking = false;
    }
  }
}
