import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { endingWithParent } from './ending-with-parent.ts';

/** Sends what is asked for: a path below the folder and its query, without the slash in front. */
type Answer = (folder: LiveFolder, asked: string, response: ServerResponse) => void | Promise<void>;

/** A folder that an FFmpeg writes live HLS into, behind a server that any page may read. */
export class LiveFolder {
  /** Paths and queries that were asked for, without the slash in front. */
  readonly requests: string[] = [];
  readonly path: string;
  readonly #server: Server;
  #encoder: ChildProcess | null = null;

  private constructor(path: string, answer: Answer) {
    this.path = path;
    this.#server = createServer((incoming, response) => {
      const asked = (incoming.url ?? '').slice(1);
      this.requests.push(asked);
      response.setHeader('access-control-allow-origin', '*');
      void (async () => answer(this, asked, response))().catch(() => refuse(response));
    });
  }

  /**
   * An empty folder, which is served from now on.
   * @param address on loopback
   * @param answer for what is asked for; the files of the folder if left out
   */
  static async open(
    address: string,
    answer: Answer = (folder, ...asked) => folder.send(...asked),
  ): Promise<LiveFolder> {
    const folder = new LiveFolder(await mkdtemp(join(tmpdir(), 'sluice-source-')), answer);
    // Others than who runs this read it, too.
    await chmod(folder.path, 0o755);
    folder.#server.listen(0, address);
    await once(folder.#server, 'listening');
    return folder;
  }

  /** URL of a path below the folder. */
  url(path: string): string {
    const { address, port } = this.#server.address() as AddressInfo;
    return `http://${address}:${port}/${path}`;
  }

  /** Sends a file of the folder; 404 where there is none. */
  send(name: string, response: ServerResponse): void {
    createReadStream(join(this.path, name))
      .on('error', () => refuse(response))
      .pipe(response);
  }

  /** Starts an FFmpeg; one that runs is killed before. @param words its arguments */
  async encode(words: readonly string[]): Promise<void> {
    await this.#endEncoder();
    const [command, ...rest] = endingWithParent(['ffmpeg', ...words]);
    this.#encoder = spawn(command, rest, { stdio: 'ignore' });
  }

  /** Ends server and FFmpeg, and removes the files. */
  async stop(): Promise<void> {
    await this.#endEncoder();
    this.#server.closeAllConnections();
    this.#server.close();
    await rm(this.path, { recursive: true });
  }

  async #endEncoder(): Promise<void> {
    if (this.#encoder?.exitCode !== null || this.#encoder.signalCode !== null) return;
    const ended = once(this.#encoder, 'exit');
    this.#encoder.kill('SIGKILL');
    await ended;
  }
}

/** What there is not. */
function refuse(response: ServerResponse): void {
  if (response.headersSent) response.destroy();
  else response.writeHead(404).end();
}
