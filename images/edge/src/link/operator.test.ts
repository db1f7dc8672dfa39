import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import type { EdgeMessage, OperatorMessage } from '@sluice/common/link/messages.ts';
import { EdgeLink } from '@sluice/operator/link/edge-link.ts';
import { snapshotMessages } from '@sluice/operator/link/snapshot.ts';
import { audienceOf, reportOf, routeOf } from '../testing/channels.ts';
import { makeTestKeys, silentLog } from '../testing/operator.ts';
import { LinkServer } from './server.ts';
import { StoredTerm } from './stored-term.ts';

test("the operator's own end of the link and this one understand each other", async () => {
  const keys = await makeTestKeys();
  const directory = mkdtempSync(join(tmpdir(), 'link-'));
  const obeyed: OperatorMessage[] = [];
  const heard = Promise.withResolvers<EdgeMessage>();
  const complete = Promise.withResolvers<void>();
  const server = new LinkServer({
    certificate: keys.edge.certificate,
    privateKey: keys.edge.privateKey,
    operatorKey: keys.edge.operatorKey,
    podName: 'edge-0',
    podUid: 'pod-uid',
    term: new StoredTerm(directory),
    log: silentLog,
    events: {
      connected: (peer) => peer.send({ type: 'report', report: reportOf() }),
      message(message) {
        obeyed.push(message);
        if (message.type === 'remove') complete.resolve();
      },
      disconnected: () => {},
    },
  });
  const port = await server.listen(0, '127.0.0.1');
  // More than one frame holds, so that single routes follow the snapshot.
  const source = { uri: 'http://source.test/index.m3u8', headers: { Cookie: 'c'.repeat(8_000) }, facts: null };
  const routes = Array.from({ length: 500 }, (_, index) => routeOf({ name: `c${index}`, uid: `uid-${index}`, source }));
  const operator = new EdgeLink({
    edge: {
      podName: 'edge-0',
      podUid: 'pod-uid',
      linkAddress: `127.0.0.1:${port}`,
      internalAddress: '',
      ready: true,
      terminating: false,
    },
    identity: { edgeCertificate: keys.edge.certificate, operatorKey: keys.operatorKey },
    term: 7,
    snapshot: () => snapshotMessages(routes, new Map([['uid-1', audienceOf({ uid: 'uid-1' })]])),
    events: {
      connected: () => operator.send('remove', () => JSON.stringify({ type: 'remove', uid: 'uid-0' })),
      message: (_edge, message) => heard.resolve(message),
      lost: () => {},
    },
    log: silentLog,
    random: () => 0,
  });
  try {
    expect(await heard.promise).toEqual({ type: 'report', report: reportOf() });
    await complete.promise;
    const [snapshot, ...others] = obeyed;
    expect(snapshot?.type).toBe('snapshot');
    expect(others.filter(({ type }) => type === 'route').length).toBeGreaterThan(0);
    const named = obeyed.flatMap((message) => {
      if (message.type === 'snapshot') return message.routes;
      return message.type === 'route' ? [message.route] : [];
    });
    expect(named).toEqual(routes);
  } finally {
    operator.close();
    await server.close();
    rmSync(directory, { recursive: true });
  }
});
