import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createLogger } from '@sluice/common/log/log.ts';
import { ReadingRoom } from '../source/room.ts';
import { reportOf } from '../testing/channels.ts';
import { TimelineFeed } from './feed.ts';
import { MAX_REPLICATION_FRAME_BYTES, type OwnerMessage } from './messages.ts';
import type { OwnerAddress } from './owner-link.ts';
import { createOwnershipClient, createOwnershipListener, type OwnersClaim } from './ownership.ts';
import { createSegmentClient, createSegmentListener, type SegmentClient } from './segments.ts';
import { createDial, createFeedServer, type FeedServer, frameOf } from './socket.ts';
import { replicationTokenSha256 } from './token.ts';

const silentLog = createLogger({ name: 'test', level: 'silent' });
const KEY = Buffer.alloc(32, 7);
const NAME = 's/11112222.1/source/7.0.ts';

describe('the internal port of an edge, for other edges', () => {
  let folder: string;
  let server: Server;
  let feedServer: FeedServer;
  let owner: OwnerAddress;
  let client: SegmentClient;
  let asked: [uid: string, name: string][];
  let file: { path: string; bytes: number };

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-port-'));
    file = { path: join(folder, 'segment'), bytes: 5_000 };
    await writeFile(file.path, Buffer.alloc(file.bytes, 9));
    asked = [];
    const sha256 = replicationTokenSha256(KEY, 'owner');
    const hear = async (uid: string, claim: OwnersClaim) =>
      uid === 'film' ? { owners: claim.owners, term: claim.term + 1, copy: null, hearsOwner: claim.cutOff } : null;
    const stored = async (uid: string, name: string) => {
      asked.push([uid, name]);
      return name === NAME ? file : null;
    };
    server = createServer(
      createOwnershipListener(
        hear,
        sha256,
        createSegmentListener(stored, sha256, (_request, response) => void response.writeHead(418).end()),
      ),
    );
    const feed = new TimelineFeed(
      {
        published: () => ({ term: 1, ready: false, log: null, known: [] }),
        reportOf: (uid) => ({ report: reportOf({ uid }), ladder: [] }),
        ownershipOf: () => null,
        ownedUids: () => ['film'],
        setFollowers: () => {},
      },
      () => 0,
    );
    feedServer = createFeedServer(feed, { podUid: 'owner', tokenSha256: sha256 }, silentLog);
    server.on('upgrade', feedServer.upgrade);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    owner = { podUid: 'owner', address: `127.0.0.1:${(server.address() as AddressInfo).port}` };
    client = createSegmentClient(KEY);
  });

  afterEach(async () => {
    await client.close();
    feedServer.close();
    server.closeAllConnections();
    await once(server.close(), 'close');
    await rm(folder, { recursive: true });
  });

  const read = (from: OwnerAddress, name = NAME) => client.read(from, 'film', name, AbortSignal.timeout(60_000));

  test('sends stored files to edges', async () => {
    expect(Buffer.from(await read(owner)).equals(Buffer.alloc(5_000, 9))).toBe(true);
    await expect(read(owner, 's/11112222.1/source/8.0.ts')).rejects.toMatchObject({ status: 404 });
    expect(asked.every(([uid]) => uid === 'film')).toBe(true);
  });

  test('throws away what ends short of its length, without waiting for the rest', async () => {
    file = { ...file, bytes: 9_000 };
    const ended = { code: 'UND_ERR_SOCKET' };
    await expect(read(owner)).rejects.toMatchObject({ code: 'OWNER_UNREACHABLE', cause: ended });
  });

  test('gives a file up that finds no room in memory beside those of others', async () => {
    const crowded = createSegmentClient(KEY, new ReadingRoom(4_000));
    const read = crowded.read(owner, 'film', NAME, AbortSignal.timeout(60_000));
    await expect(read).rejects.toMatchObject({ code: 'OWNER_UNREACHABLE', cause: { code: 'SOURCE_CROWDED_OUT' } });
    await crowded.close();
  });

  test.each([
    ['names another pod', () => ({ ...owner, podUid: 'another' }), 'refused 401 by owner'],
    ['is at no address', () => ({ ...owner, address: 'evil.example:80' }), 'closed'],
    ['is gone', () => ({ ...owner, address: '127.0.0.1:1' }), 'closed'],
  ])('gives nothing to an edge whose route %s', async (_name, from, end) => {
    await expect(read(from())).rejects.toMatchObject({ code: 'OWNER_UNREACHABLE', status: 503 });
    expect(asked).toEqual([]);
    expect(await dialled(from())).toEqual([end]);
  });

  test('never looks for what is no name of a stored file', async () => {
    for (const name of ['s/../../etc/passwd', '../x', 's/a/b/c/d', 's/a.1/source/%2e%2e']) {
      await expect(read(owner, name)).rejects.toMatchObject({ code: 'OWNER_UNREACHABLE' });
    }
    expect(asked).toEqual([]);
  });

  test('answers edges, and edges alone, about owners', async () => {
    const ownership = createOwnershipClient(KEY);
    const owners = [{ podName: 'edge-1', podUid: 'one', address: '10.0.0.1:8081' }];
    const claim = { owners, term: 3, away: true, cutOff: true };
    expect(await ownership.tell(owner, 'film', claim)).toEqual({ owners, term: 4, copy: null, hearsOwner: true });
    for (const [to, uid] of [
      [owner, 'news'],
      [{ ...owner, podUid: 'another' }, 'film'],
      [{ ...owner, address: 'evil.example:80' }, 'film'],
    ] as const) {
      await expect(ownership.tell(to, uid, claim)).rejects.toMatchObject({ code: 'OWNER_UNREACHABLE' });
    }
    await ownership.close();
  });

  test('feeds an edge that proves itself', async () => {
    expect(await dialled(owner)).toEqual(['opened', 'report film', 'update film']);
  });

  test('sends no frame that would end the connection of all channels', () => {
    const gone = (bytes: number): OwnerMessage => ({ type: 'gone', uid: 'ü'.repeat(bytes / 2) });
    expect(frameOf(gone(1_000))).not.toBeNull();
    expect(frameOf(gone(MAX_REPLICATION_FRAME_BYTES))).toBeNull();
  });

  test('keeps no connection of a stranger who does not hang up', async () => {
    const stranger = connect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', allowHalfOpen: true });
    stranger.write(
      'GET /internal/v1/timelines HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
    );
    const [[, socket], [answer]] = await Promise.all([once(server, 'upgrade'), once(stranger, 'data')]);
    expect(String(answer)).toMatch(/^HTTP\/1\.1 401 /);
    await once(stranger, 'end');
    expect((socket as Socket).destroyed).toBe(true);
    for (const end of [socket as Socket, stranger]) end.destroy();
  });

  /** Dials and subscribes; what happens until the third event, or the end. */
  async function dialled(to: OwnerAddress): Promise<string[]> {
    const heard: string[] = [];
    await new Promise<void>((resolve) => {
      const nameOf = (message: OwnerMessage) =>
        `${message.type}${message.type === 'report' ? ` ${message.report.uid}` : 'uid' in message ? ` ${message.uid}` : ''}`;
      const socket = createDial(KEY, silentLog)(to, {
        opened: () => {
          heard.push('opened');
          socket.send({ type: 'subscribe', uid: 'film', term: 1, have: null });
        },
        received: (message) => {
          if (message.type !== 'beat') heard.push(nameOf(message));
          if (heard.length < 3) return;
          socket.close();
          resolve();
        },
        refused: (status, podUid) => {
          heard.push(`refused ${status} by ${podUid}`);
          resolve();
        },
        closed: () => {
          heard.push('closed');
          resolve();
        },
      });
    });
    return heard;
  }
});
