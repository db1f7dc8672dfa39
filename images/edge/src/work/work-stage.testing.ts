import { createHash } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from '@jest/globals';
import type { Route } from '@sluice/common/link/route.ts';
import { type Work, workSchema } from '@sluice/common/work/contract.ts';
import { Agent, request } from 'undici';
import { ReadingRoom } from '../source/room.ts';
import { TestEdge } from '../testing/edge.ts';
import { testRoute } from '../testing/route.ts';
import { makeSegment } from '../testing/segment.ts';
import { createWorkHandler } from './handler.ts';

/** Of the session's agent. */
export const TOKEN = 'token-of-the-session';
/** The session of the channel. */
export const SESSION: NonNullable<Route['session']> = {
  name: 'film-1',
  uid: 'session-uid',
  tokenSha256: createHash('sha256').update(TOKEN).digest('hex'),
  rungs: ['360p', '240p'],
};

/** The work API's answer; its body is read where it is JSON. */
export interface Answer {
  readonly status: number;
  readonly body: unknown;
}

/** A rung's segment as the source's of this number is: 2 s. */
export const segmentOf = (msn: number): Buffer => makeSegment({ startSeconds: 100 + msn * 2, durationSeconds: 2 });

/** An edge that owns a channel in Proxy, and its work API on a real port. */
export class WorkStage {
  readonly edge: TestEdge;
  readonly room = new ReadingRoom();
  readonly #agent = new Agent();
  readonly #server: Server;

  private constructor(edge: TestEdge) {
    this.edge = edge;
    const owners = { ownerOfSession: (...of: [string, string]) => edge.media.ownerOfSession(...of) };
    this.#server = createServer(createWorkHandler(owners, this.room));
  }

  /** With a playlist that is ten milliseconds old. */
  static async open(): Promise<WorkStage> {
    const stage = new WorkStage(await TestEdge.open());
    await new Promise<void>((resolve) => {
      stage.#server.listen(0, '127.0.0.1', resolve);
    });
    stage.apply({ mode: 'Proxy' });
    await stage.edge.clock.advance(10);
    await stage.edge.playlist();
    return stage;
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
    await new Promise((resolve) => {
      this.#server.close(resolve);
    });
    await this.edge.close();
  }

  /** Of the work API, on 127.0.0.1. */
  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Gives the edge a route of the channel. */
  apply(changes: Partial<Route>): void {
    this.edge.media.apply(testRoute(this.edge.source.url, changes));
  }

  /** The channel is to be transcoded in {@link SESSION}. */
  async transcode(): Promise<void> {
    this.apply({ mode: 'Transcode', session: SESSION });
    await this.edge.settle();
  }

  /** A request to the session of the channel, as its first attempt if it does not say. */
  call(
    method: 'GET' | 'PUT' | 'POST',
    path: string,
    options: { body?: Buffer | string; attempt?: number; token?: string } = {},
  ): Promise<Answer> {
    const url = `http://127.0.0.1:${this.port}/internal/v1/sessions/default/film-1/${path}`;
    return this.edge.during(async () => {
      const response = await request(url, {
        method,
        dispatcher: this.#agent,
        headers: {
          authorization: `Bearer ${options.token ?? TOKEN}`,
          'sluice-attempt': String(options.attempt ?? 1),
          'content-type': method === 'POST' ? 'application/json' : 'video/mp2t',
        },
        body: options.body ?? null,
      });
      const text = await response.body.text();
      const json = response.headers['content-type']?.includes('json') === true;
      return { status: response.statusCode, body: json ? JSON.parse(text) : text };
    });
  }
}

/** What a transcoder does that has just caught up: takes work and delivers each segment at once. */
export class FakeAgent {
  readonly attempt: number;
  readonly #stage: WorkStage;
  epoch = 0;
  after = -1;
  ended = false;
  fed: number[] = [];

  constructor(stage: WorkStage, attempt: number) {
    this.#stage = stage;
    this.attempt = attempt;
  }

  async work(): Promise<Work> {
    const path = `work?epoch=${this.epoch}&after=${this.after}&ended=${this.ended}`;
    const answer = await this.#stage.call('GET', path, { attempt: this.attempt });
    return workSchema.parse(answer.body);
  }

  /**
   * Takes what is there (a long poll would hold the virtual clock) and delivers one segment behind it; the last one
   * when the source has ended.
   */
  async step(rungs: readonly string[] = SESSION.rungs): Promise<void> {
    const publisher = this.#stage.edge.media.ownerOfSession('default', 'film-1')?.publisher;
    const newest = publisher?.stored().at(-1)?.msn ?? -1;
    if (newest <= this.after && publisher?.hasWhole === this.ended) return;
    const work = await this.work();
    this.epoch = work.epoch;
    for (const { msn } of work.segments) {
      this.fed.push(msn);
      this.after = msn;
      if (this.fed.includes(msn - 1)) await this.#deliver(msn - 1, rungs);
    }
    this.ended = work.ended === true;
    if (this.ended) await this.#deliver(this.after, rungs);
  }

  async #deliver(msn: number, rungs: readonly string[]): Promise<void> {
    for (const rung of rungs) {
      const path = `segments/${this.epoch}/${rung}/${msn}`;
      const { status } = await this.#stage.call('PUT', path, { body: segmentOf(msn), attempt: this.attempt });
      expect([200, 201]).toContain(status);
    }
  }

  /** Works for some seconds of film time; returns the names that the rung listed meanwhile. */
  async run(seconds: number, rungs?: readonly string[]): Promise<void> {
    for (let step = 0; step < seconds * 5; step += 1) {
      await this.#stage.edge.clock.advance(200);
      await this.step(rungs);
    }
  }
}
