import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, test } from '@jest/globals';
import { type LoopbackNetwork, servicePort, takeNetwork } from './network.ts';
import { openRelay, type Target } from './relay.ts';

const opened: { close(): unknown }[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((each) => each.close()));
});

async function take(): Promise<LoopbackNetwork> {
  const network = await takeNetwork();
  opened.push(network);
  return network;
}

describe('takeNetwork', () => {
  test('gives every run a network of its own, and pods their addresses in it', async () => {
    const [one, other] = [await take(), await take()];
    const [first = '', second = ''] = [one.podAddress(), one.podAddress()];
    const octet = first.split('.')[1];
    expect([first, second]).toEqual([`127.${octet}.1.1`, `127.${octet}.1.2`]);
    expect(other.podAddress()).not.toMatch(new RegExp(`^127\\.${octet}\\.`));
  });

  test('gives an address again only after tens of thousands', async () => {
    const network = await take();
    const addresses = Array.from({ length: 60_000 }, () => network.podAddress());
    expect(new Set(addresses).size).toBe(60_000);
    expect(
      addresses.filter((address) => !/^127\.\d+\.([1-9]|[1-9]\d|1\d\d|2[0-4]\d|25[0-5])\.\d+$/.test(address)),
    ).toEqual([]);
  });

  test('puts the addresses of Services in the place of their names, before they exist', async () => {
    const network = await take();
    const address = network.serviceAddress('demo', 'demo-source');
    expect(network.serviceAddress('tv', 'demo-source')).not.toBe(address);
    const resolved = {
      'http://demo-source.demo.svc/film/index.m3u8': `http://${address}:8080/film/index.m3u8`,
      'http://demo-source.demo.svc.cluster.local:8081': `http://${address}:8081`,
      'https://demo-source.demo.svc?x=1': `https://${address}:8443?x=1`,
      'https://media.example.org/film': 'https://media.example.org/film',
      'http://demo-source.demo.svc.example.org/': 'http://demo-source.demo.svc.example.org/',
      'ftp://demo-source.demo.svc/': 'ftp://demo-source.demo.svc/',
    };
    expect(Object.keys(resolved).map((url) => network.resolve(url))).toEqual(Object.values(resolved));
  });

  test('offers ports that need root 8000 higher', () => {
    expect([80, 443, 1023, 1024, 8443].map(servicePort)).toEqual([8080, 8443, 9023, 1024, 8443]);
  });
});

describe('a relay', () => {
  /** A server that says who it is and what it was asked. */
  async function pod(name: string): Promise<Target> {
    const server: Server = createServer({ allowHalfOpen: true }, (socket) => {
      text(socket).then(
        (asked) => socket.end(`${name} heard ${asked}`),
        () => {},
      );
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    opened.push({ close: () => server.close() });
    return { host: '127.0.0.1', port: (server.address() as AddressInfo).port };
  }

  /** What a connection brings; empty where it is refused or cut. */
  async function ask(host: string, port: number): Promise<string> {
    const socket = connect({ host, port, allowHalfOpen: true });
    socket.end('hello');
    return text(socket).catch(() => '');
  }

  let targets: readonly Target[] = [];

  /** A relay at an address of a network of our own, where no port is taken. */
  async function relay(): Promise<{ address: string; port: number; close: () => Promise<void> }> {
    const [address, port] = [(await take()).podAddress(), 8080];
    const close = await openRelay(address, port, () => targets);
    opened.push({ close });
    return { address, port, close };
  }

  test('deals connections out in turn, and none where nobody is ready', async () => {
    targets = [await pod('one'), await pod('two')];
    const { address, port } = await relay();
    expect([await ask(address, port), await ask(address, port)].toSorted()).toEqual([
      'one heard hello',
      'two heard hello',
    ]);
    targets = [{ host: '127.0.0.1', port: 1 }];
    expect(await ask(address, port)).toBe('');
    targets = [];
    expect(await ask(address, port)).toBe('');
  });

  test('lets connections wait for the first pod', async () => {
    targets = [];
    const { address, port } = await relay();
    const early = ask(address, port);
    targets = [await pod('one')];
    expect(await early).toBe('one heard hello');
  });

  test('ends with its connections', async () => {
    targets = [];
    const { address, port, close } = await relay();
    const early = ask(address, port);
    opened.pop();
    await close();
    expect([await early, await ask(address, port)]).toEqual(['', '']);
  });

  test('names an address that is taken', async () => {
    const { address, port } = await relay();
    const message = expect.stringContaining(`${address}:${port} cannot be opened`);
    await expect(openRelay(address, port, () => targets)).rejects.toMatchObject({ code: 'PORT_IN_USE', message });
  });
});
