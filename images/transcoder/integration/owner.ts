import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AgentReport, Work } from '@sluice/common/work/contract.ts';
import { agentReportSchema } from '@sluice/common/work/contract.ts';

/** Hold of a long poll in ms: short, so that the test ends soon. */
const POLL_MS = 2000;
/** Time between two looks for new work in ms. */
const LOOK_MS = 20;

/** A source segment as it is offered. */
export interface Offer {
  readonly msn: number;
  readonly bytes: Uint8Array;
  readonly discontinuity: boolean;
  /** The initialization section that it needs: there where the source is fragmented MP4. */
  readonly init?: { readonly name: string; readonly bytes: Uint8Array };
}

/** A rung's segment as it came in. */
export interface Stored {
  readonly bytes: Uint8Array;
  readonly contentType: string | undefined;
  /** performance.now() in ms. */
  readonly at: number;
}

/** The owner's side of the work API, to the letter of its contract, with everything in memory. */
export class TestOwner {
  readonly token = 'a token of the test';
  /** `epoch/rung/msn`. */
  readonly stored = new Map<string, Stored>();
  readonly reports: AgentReport[] = [];
  readonly offeredAt = new Map<number, number>();
  /** Names of the initialization sections that were asked for, in order. */
  readonly initsAsked: string[] = [];
  stop = false;
  /** The source has ended with what was offered. */
  ended = false;
  drained = false;
  drainQuestions = 0;
  /** Answers 409 to everything from now on. */
  superseded = false;
  #epoch = 1;
  #offers: Offer[] = [];
  #server: Server | null = null;
  #port = 0;

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Opens the port, the same one again after {@link close}. */
  async open(): Promise<void> {
    const server = createServer((request, response) => {
      this.#answer(request, response).catch((error: unknown) => send(response, 500, `${error}`));
    });
    this.#server = server;
    await new Promise<void>((resolve) => server.listen(this.#port, '127.0.0.1', resolve));
    this.#port = (server.address() as AddressInfo).port;
  }

  /** Closes the port and cuts every connection, as an edge that restarts does. */
  async close(): Promise<void> {
    const server = this.#server;
    server?.closeAllConnections();
    await new Promise((resolve) => (server === null ? resolve(null) : server.close(resolve)));
  }

  /** Adds a source segment. */
  offer(offer: Offer): void {
    this.#offers.push(offer);
    this.offeredAt.set(offer.msn, performance.now());
  }

  /** The source starts over. */
  startEpoch(epoch: number): void {
    this.#epoch = epoch;
    this.#offers = [];
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', this.url);
    const parts = url.pathname.split('/').slice(6);
    const body = await read(request);
    if (request.headers.authorization !== `Bearer ${this.token}`) return send(response, 401, 'wrong token');
    if (this.superseded) return send(response, 409, 'a newer attempt works');
    if (parts[0] === 'work') return this.#work(url, response);
    if (parts[0] === 'source') return this.#source(Number(parts[2]), response);
    if (parts[0] === 'init') return this.#init(Number(parts[2]), response);
    if (parts[0] === 'segments') {
      return this.#store(parts.slice(1).join('/'), body, request.headers['content-type'], response);
    }
    if (parts[0] === 'report') return this.#report(body, response);
    this.drainQuestions++;
    return json(response, { done: this.drained });
  }

  async #work(url: URL, response: ServerResponse): Promise<void> {
    const epoch = Number(url.searchParams.get('epoch'));
    const after = Number(url.searchParams.get('after'));
    const fresh = (): Offer[] => this.#offers.filter(({ msn }) => epoch !== this.#epoch || msn > after);
    const known = url.searchParams.get('ended') === 'true';
    const deadline = performance.now() + POLL_MS;
    const hasNews = (): boolean => fresh().length > 0 || this.stop || this.ended !== known;
    while (!hasNews() && performance.now() < deadline) await sleep(LOOK_MS);
    const segments = fresh().map(({ msn, discontinuity, init }) => ({
      ...{ msn, discontinuity, durationSeconds: 2 },
      ...(init === undefined ? {} : { init: init.name }),
    }));
    const work: Work = { epoch: this.#epoch, targetDurationSeconds: 2, segments, ended: this.ended, stop: this.stop };
    return json(response, work);
  }

  #source(msn: number, response: ServerResponse): void {
    const offer = this.#offers.find((candidate) => candidate.msn === msn);
    if (offer === undefined) send(response, 404, 'no such segment', 'SEGMENT_UNKNOWN');
    else response.writeHead(200, { 'content-type': 'video/mp2t' }).end(offer.bytes);
  }

  #init(msn: number, response: ServerResponse): void {
    const init = this.#offers.find((candidate) => candidate.msn === msn)?.init;
    this.initsAsked.push(init?.name ?? 'none');
    if (init === undefined) send(response, 404, 'no such section', 'SEGMENT_UNKNOWN');
    else response.writeHead(200, { 'content-type': 'video/mp4' }).end(init.bytes);
  }

  #store(name: string, bytes: Uint8Array, contentType: string | undefined, response: ServerResponse): void {
    const known = this.stored.has(name);
    if (!known) this.stored.set(name, { bytes, contentType, at: performance.now() });
    response.writeHead(known ? 200 : 201).end();
  }

  #report(body: Uint8Array, response: ServerResponse): void {
    this.reports.push(agentReportSchema.parse(JSON.parse(Buffer.from(body).toString('utf8'))));
    response.writeHead(204).end();
  }
}

async function read(request: IncomingMessage): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function json(response: ServerResponse, value: unknown): void {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(value));
}

function send(response: ServerResponse, status: number, message: string, code = `STATUS_${status}`): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ error: { code, message } }));
}
