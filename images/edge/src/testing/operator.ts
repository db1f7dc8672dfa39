import { sign } from 'node:crypto';
import { once } from 'node:events';
import type { ConnectionOptions } from 'node:tls';
import {
  challengeText,
  type EdgeMessage,
  edgeMessageSchema,
  type OperatorMessage,
} from '@sluice/common/link/messages.ts';
import type { OwnerReport } from '@sluice/common/link/owner-report.ts';
import { createLogger } from '@sluice/common/log/log.ts';
import { makeEdgeKeys, makeOperatorKeys } from '@sluice/operator/keys/link-keys.ts';
import { type ClientOptions, WebSocket } from 'ws';
import { readOperatorKey } from '../link/handshake.ts';
import type { LinkKeys } from '../link/keys.ts';

/** Keys of a link for one test, made by the operator's own code. */
export interface TestKeys {
  readonly edge: LinkKeys;
  /** PKCS #8 PEM. */
  readonly operatorKey: string;
}

/** Fresh keys of both ends of a link. */
export async function makeTestKeys(): Promise<TestKeys> {
  const operatorKey = makeOperatorKeys()['operator.key'];
  const files = await makeEdgeKeys(operatorKey, Date.now());
  return {
    operatorKey,
    edge: {
      certificate: files['tls.crt'],
      privateKey: files['tls.key'],
      operatorKey: readOperatorKey(files['operator.pub']),
      sessionKey: Buffer.from(files['session.key'], 'base64'),
    },
  };
}

/** A log that nobody reads. */
export const silentLog = createLogger({ name: 'test', level: 'silent' });

/** The operator's end of a link: real TLS, real frames, real signatures, driven by a test. */
export class TestOperator {
  readonly received: EdgeMessage[] = [];
  readonly socket: WebSocket;
  readonly #keys: TestKeys;
  closeCode: number | null = null;

  constructor(port: number, keys: TestKeys, address = '127.0.0.1') {
    this.#keys = keys;
    const options: ClientOptions & ConnectionOptions = { ca: keys.edge.certificate, servername: 'sluice-edge' };
    this.socket = new WebSocket(`wss://${address}:${port}/link`, options);
    this.socket.on('message', (data) => this.received.push(edgeMessageSchema.parse(JSON.parse(String(data)))));
    this.socket.on('close', (code) => {
      this.closeCode = code;
    });
    this.socket.on('error', () => {});
  }

  /** Waits for the challenge and answers it; `change` spoils the answer. */
  async prove(term: number, change: { podUid?: string; key?: string; behind?: OperatorMessage[] } = {}): Promise<void> {
    const challenge = await this.waitFor('challenge');
    const text = Buffer.from(challengeText(challenge.nonce, change.podUid ?? challenge.podUid, term));
    const signature = sign(null, text, change.key ?? this.#keys.operatorKey).toString('base64');
    this.send({ type: 'hello', term, signature });
    for (const message of change.behind ?? []) this.send(message);
  }

  send(message: OperatorMessage): void {
    this.socket.send(JSON.stringify(message));
  }

  /** The first message of a type that fits, now or later. */
  async waitFor<Type extends EdgeMessage['type']>(
    type: Type,
    fits: (message: Extract<EdgeMessage, { type: Type }>) => boolean = () => true,
  ): Promise<Extract<EdgeMessage, { type: Type }>> {
    for (;;) {
      for (const message of this.received) {
        if (message.type === type && fits(message as Extract<EdgeMessage, { type: Type }>)) {
          return message as Extract<EdgeMessage, { type: Type }>;
        }
      }
      if (this.closeCode !== null) throw new Error(`the link closed with ${this.closeCode} before a ${type} came`);
      await Promise.race([once(this.socket, 'message'), once(this.socket, 'close')]);
    }
  }

  /** The newest report of the channel with this uid; undefined where none has come. */
  reportOf(uid: string): OwnerReport | undefined {
    const newest = this.received.findLast((one) => one.type === 'report' && one.report.uid === uid);
    return newest?.type === 'report' ? newest.report : undefined;
  }

  /** The code with which the edge closes. */
  async closed(): Promise<number> {
    if (this.closeCode === null) await once(this.socket, 'close');
    return this.closeCode ?? 0;
  }
}
