import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, test } from '@jest/globals';
import { type LoopbackNetwork, takeNetwork } from './network.ts';
import { Relay } from './relay.ts';
import { resolveServices, serviceAddress, servicePort } from './service-names.ts';

const opened: { close(): unknown }[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((each) => each.close()));
});

describe('names of Services', () => {
  const address = serviceAddress(16, 'demo', 'demo-source');

  test('have an address in the upper half of the network, always the same', () => {
    expect(address).toMatch(/^127\.16\.(1[3-9]\d|12[89]|2\d\d)\.\d+$/);
    expect(serviceAddress(16, 'demo', 'demo-source')).toBe(address);
    expect(serviceAddress(16, 'tv', 'demo-source')).not.toBe(address);
  });

  test.each([
    ['http://demo-source.demo.svc/film/index.m3u8', `http://${address}:8080/film/index.m3u8`],
    ['http://demo-source.demo.svc.cluster.local:8081', `http://${address}:8081`],
    ['https://demo-source.demo.svc?x=1', `https://${address}:8443?x=1`],
    ['https://media.example.org/film', 'https://media.example.org/film'],
    ['http://demo-source.demo.svc.example.org/', 'http://demo-source.demo.svc.example.org/'],
    ['ftp://demo-source.demo.svc/', 'ftp://demo-source.demo.svc/'],
  ])('%s becomes %s', (url, resolved) => expect(resolveServices(url, 16)).toBe(resolved));

  test('ports that need root are offered 8000 higher', () => {
    expect([80, 443, 1023, 1024, 8443].map(servicePort)).toEqual([8080, 8443, 9023, 1024, 8443]);
  });
});

describe('takeNetwork', () => {
  async function take(): Promise<LoopbackNetwork> {
    const network = await takeNetwork();
    opened.push(network);
    return network;
  }

  test('gives every run a network of its own, and pods their addresses in it', async () => {
    const [one, other] = [await take(), await take()];
    expect(one.cidr).not.toBe(other.cidr);
    const octet = one.cidr.split('.')[1];
    expect([one.takePodAddress(), one.takePodAddress()]).toEqual([`127.${octet}.1.2`, `127.${octet}.1.3`]);
    one.releasePodAddress(`127.${octet}.1.2`);
    expect(one.takePodAddress()).toBe(`127.${octet}.1.4`);
  });

  test('never gives an address twice, and says when there is none', async () => {
    const network = await take();
    const seen = new Set<string>();
    expect(() => {
      for (;;) {
        const address = network.takePodAddress();
        if (seen.has(address)) throw new Error(`${address} twice`);
        seen.add(address);
      }
    }).toThrow('all addresses for pods are taken');
    expect(seen.size).toBeGreaterThan(30_000);
    network.releasePodAddress([...seen][7] ?? '');
    expect(network.takePodAddress()).toBe([...seen][7]);
  });
});

describe('Relay', () => {
  /** A server that says who it is and what it was asked. */
  async function pod(name: string): Promise<{ host: string; port: number }> {
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

  async function ask(port: number): Promise<string> {
    const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
    socket.end('hello');
    return text(socket).catch(() => 'cut');
  }

  test('deals connections out in turn, and passes over pods that are gone', async () => {
    const [one, two, gone] = [await pod('one'), await pod('two'), { host: '127.0.0.1', port: 1 }];
    let targets = [one, two];
    const relay = new Relay(async () => targets);
    opened.push(relay);
    const port = await relay.listen('127.0.0.1', 0);
    expect([await ask(port), await ask(port)].toSorted()).toEqual(['one heard hello', 'two heard hello']);
    targets = [gone, two];
    expect([await ask(port), await ask(port)]).toEqual(['two heard hello', 'two heard hello']);
    targets = [];
    expect(await ask(port)).toMatch(/^(cut)?$/);
  });
});
