import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Client } from '../../runtime/client/client.ts';
import { createMemoryClient } from '../../runtime/memory/client.ts';
import type { JsonObject } from '../../runtime/memory/fields.ts';
import { ObjectStore } from '../../runtime/memory/object-store.ts';
import { type LoopbackNetwork, takeNetwork } from './network.ts';
import { type Services, startServices } from './services.ts';

const SERVICES = { group: '', version: 'v1', kind: 'Service', plural: 'services', namespaced: true };
const SLICES = {
  group: 'discovery.k8s.io',
  version: 'v1',
  kind: 'EndpointSlice',
  plural: 'endpointslices',
  namespaced: true,
};
const NAME = { namespace: 'tv', name: 'film' };

let network: LoopbackNetwork;
let store: ObjectStore;
let client: Client;
let services: Services;
let troubles: string[];
let pod: { readonly port: number; close(): void };
let page: number;

beforeEach(async () => {
  network = await takeNetwork();
  store = new ObjectStore({ kinds: [SERVICES, SLICES], now: Date.now });
  client = createMemoryClient(store);
  troubles = [];
  const server = createServer((socket) => void socket.end('film'));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  pod = { port: (server.address() as AddressInfo).port, close: () => server.close() };
  page = await freePort();
  services = await startServices(options());
});
afterEach(async () => {
  await services.close();
  await client.close();
  await network.close();
  pod.close();
});

function options() {
  const front = { port: page, service: NAME, portName: 'http' };
  const onTrouble = (message: string) => void troubles.push(message);
  return { client, network, page: front, onTrouble };
}

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}

/** What a connection brings; empty where it is cut. */
async function ask(address: string, port: number): Promise<string> {
  return text(connect({ host: address, port })).catch(() => '');
}

function makeService(): void {
  const spec = { ports: [{ name: 'http', port: 80 }] };
  store.create(SERVICES, { apiVersion: 'v1', kind: 'Service', metadata: { ...NAME }, spec }, 'test');
}

function slice(ready: boolean): JsonObject {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { ...NAME, labels: { 'kubernetes.io/service-name': 'film' } },
    ports: [{ name: 'http', port: pod.port }],
    endpoints: [{ addresses: ['127.0.0.1'], conditions: { ready } }],
  };
}

async function until(what: string, holds: () => boolean): Promise<void> {
  const deadline = performance.now() + 4000;
  while (!holds()) {
    if (performance.now() > deadline) throw new Error(`waited in vain for ${what}; troubles: ${troubles.join(', ')}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

const clusterIp = () => (store.get(SERVICES, 'tv', 'film').spec as JsonObject).clusterIP;

describe('a Service', () => {
  test('gets its address, where connections wait for its first endpoint and are refused after its last', async () => {
    makeService();
    const address = network.serviceAddress('tv', 'film');
    await until('the address', () => clusterIp() === address);
    const early = [ask(address, 8080), ask('127.0.0.1', page)];
    store.create(SLICES, slice(false), 'test');
    store.apply(SLICES, 'object', slice(true), 'test', true);
    expect(await Promise.all(early)).toEqual(['film', 'film']);
    store.apply(SLICES, 'object', slice(false), 'test', true);
    let answer = 'film';
    while (answer !== '') answer = await ask(address, 8080);
    expect(troubles).toEqual([]);
  });

  test('is no longer there when it is deleted', async () => {
    makeService();
    const address = network.serviceAddress('tv', 'film');
    await until('the address', () => clusterIp() === address);
    store.create(SLICES, slice(true), 'test');
    expect(await ask(address, 8080)).toBe('film');
    store.delete(SERVICES, 'tv', 'film', undefined);
    let answer = 'film';
    while (answer !== '') answer = await ask(address, 8080);
    expect(await ask('127.0.0.1', page)).toBe('film');
  });
});

test('a port of the page that is taken is named with its remedy', async () => {
  await expect(startServices(options())).rejects.toThrow(
    new RegExp(`port ${page} of 127.0.0.1 cannot be opened .*: choose another by SLUICE_PORT`),
  );
});
