import { Buffer } from 'node:buffer';
import { connect, type IpcNetConnectOpts, type Socket, type TcpNetConnectOpts } from 'node:net';
import { type Answer, ConnectionLost } from './client.ts';

/** A test viewer gives up on an answer that a person would no longer wait for. */
const TIMEOUT_MILLISECONDS = 15_000;
/** No answer that viewers get has a longer head. */
const MAX_HEAD_BYTES = 8192;
const HEAD_END = Buffer.from('\r\n\r\n');

interface Question {
  readonly discard: boolean;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: Error) => void;
}

interface Head {
  readonly status: number;
  readonly retryAfterSeconds: number | null;
  /** Bytes of the body. */
  readonly length: number;
  readonly keepsAlive: boolean;
}

/** One HTTP/1.1 connection that answers one question after another. */
export class LightConnection {
  readonly #socket: Socket;
  #question: Question | null = null;
  /** What has come of the head; the head itself once it is complete. */
  #headBytes = Buffer.alloc(0);
  #head: Head | null = null;
  #received = 0;
  #kept: Buffer[] = [];
  /** Whether a part of an answer has come to the present question. */
  answering = false;
  /** Whether another question may be asked. */
  usable = true;
  /** Whether the server has taken the connection. */
  taken = false;

  /** @param buffer that reads go through, shared with others. @param onClose called once, when the socket is gone */
  constructor(
    address: Pick<TcpNetConnectOpts, 'host' | 'port' | 'localAddress'> | Pick<IpcNetConnectOpts, 'path'>,
    buffer: Buffer,
    onClose: () => void,
  ) {
    const onread = {
      buffer,
      callback: (bytes: number, from: Uint8Array): boolean => {
        this.#take(from.subarray(0, bytes));
        return true;
      },
    };
    this.#socket = connect({ ...address, noDelay: true, onread } as TcpNetConnectOpts);
    this.#socket.on('connect', () => {
      this.taken = true;
    });
    this.#socket.setTimeout(TIMEOUT_MILLISECONDS, () => {
      if (this.#question !== null) this.#fail(new Error(`no complete answer within ${TIMEOUT_MILLISECONDS / 1000} s`));
    });
    this.#socket.on('error', (error) => this.#fail(new ConnectionLost(error.message, { cause: error })));
    this.#socket.on('close', () => {
      this.#fail(new ConnectionLost('the connection was closed'));
      onClose();
    });
  }

  /** Asks, and reads the answer. @throws Error without a complete answer within 15 s, or for one that it cannot read */
  ask(text: string, discard: boolean): Promise<Answer> {
    this.answering = false;
    this.#head = null;
    this.#headBytes = Buffer.alloc(0);
    this.#received = 0;
    this.#kept = [];
    return new Promise((resolve, reject) => {
      this.#question = { discard, resolve, reject };
      if (this.usable) this.#socket.write(text);
      else this.#fail(new ConnectionLost('the connection was closed'));
    });
  }

  destroy(): void {
    this.#fail(new Error('the client is closed'));
  }

  #take(bytes: Uint8Array): void {
    if (this.#question === null) {
      this.#fail(new Error('bytes that nobody has asked for'));
      return;
    }
    this.answering = true;
    const body = this.#head === null ? this.#takeHead(bytes) : bytes;
    if (body === null || this.#head === null) return;
    this.#received += body.length;
    // A copy: the buffer is overwritten by the next read.
    if (!this.#question.discard && body.length > 0) this.#kept.push(Buffer.from(body));
    if (this.#received >= this.#head.length) this.#finish(this.#head, this.#question);
  }

  /** @returns what follows the head; null while it is not complete */
  #takeHead(bytes: Uint8Array): Uint8Array | null {
    const first = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    // It comes in one piece as a rule, with half a megabyte of the body behind it: nothing of that is copied.
    const all = this.#headBytes.length === 0 ? first : Buffer.concat([this.#headBytes, first]);
    const end = all.indexOf(HEAD_END);
    if (end < 0 && all.length <= MAX_HEAD_BYTES) {
      // The next read overwrites where it lies.
      this.#headBytes = Buffer.from(all);
      return null;
    }
    const head = end < 0 ? null : readHead(all.toString('latin1', 0, end));
    if (head === null) {
      this.#fail(new Error(`not an answer with a Content-Length: ${all.toString('latin1', 0, 200)}`));
      return null;
    }
    this.#head = head;
    return all.subarray(end + HEAD_END.length);
  }

  #finish({ status, length, retryAfterSeconds, keepsAlive }: Head, { resolve }: Question): void {
    this.#question = null;
    if (this.#received > length || !keepsAlive) this.#close();
    const [first = Buffer.alloc(0)] = this.#kept;
    const body = this.#kept.length > 1 ? Buffer.concat(this.#kept) : first;
    this.#kept = [];
    resolve({ status, body, bytes: length, retryAfterSeconds });
  }

  #fail(error: Error): void {
    this.#close();
    const question = this.#question;
    this.#question = null;
    question?.reject(error);
  }

  #close(): void {
    this.usable = false;
    this.#socket.destroy();
  }
}

function readHead(text: string): Head | null {
  const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1]);
  const hasNoBody = status === 204 || status === 304;
  const length = hasNoBody ? 0 : Number(/\r\ncontent-length: *(\d+)/i.exec(text)?.[1]);
  if (Number.isNaN(status) || Number.isNaN(length)) return null;
  const retryAfter = /\r\nretry-after: *(\d+)/i.exec(text)?.[1];
  return {
    status,
    length,
    retryAfterSeconds: retryAfter === undefined ? null : Number(retryAfter),
    keepsAlive: !/\r\nconnection: *close/i.test(text),
  };
}
