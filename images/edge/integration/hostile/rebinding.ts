import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Route } from '@sluice/common/link/route.ts';
import { testRoute } from '../../src/testing/route.ts';
import { makeSegment } from '../../src/testing/segment.ts';
import { type EdgePrograms, type LinkFolder, until } from '../programs.ts';
import { ask } from '../stage.ts';
import { besieged, type Neighbourhood } from './one-edge.ts';
import { tollTable } from './toll.ts';

/** The only address that the edge of this scenario may reach: what stands for the Internet. */
const PUBLIC = '127.0.62.1';

/** What a name may turn out to mean, which no source may reach: by each way to write or to wrap it. */
const PRIVATE_ADDRESSES = [
  '127.0.0.1',
  '127.255.255.254',
  '0.0.0.0',
  '10.0.0.1',
  '100.64.0.1',
  '169.254.169.254',
  '172.16.0.1',
  '192.168.1.1',
  '198.18.0.1',
  '255.255.255.255',
  '::',
  '::1',
  '::127.0.0.1',
  '::ffff:127.0.0.1',
  '::ffff:a9fe:a9fe',
  '64:ff9b::7f00:1',
  '2002:7f00:1::1',
  'fd00:ec2::254',
  'fe80::1',
  'ff02::1',
] as const;

/** Hosts of URLs that mean such an address, in the spellings that URL parsers know (WHATWG URL, 3.5). */
const PRIVATE_HOSTS = [
  '127.0.0.1',
  '127.1',
  '2130706433',
  '0177.0.0.1',
  '0x7f000001',
  '0x7f.0.0.1',
  '127.0.0.1.',
  '%31%32%37.0.0.1',
  '①②⑦.0.0.1',
  '0',
  '0.0.0.0',
  '[::]',
  '[::1]',
  '[0:0:0:0:0:0:0:1]',
  '[::ffff:127.0.0.1]',
  '[::ffff:7f00:1]',
  '[::127.0.0.1]',
  'localhost',
  'LOCALHOST',
  '169.254.169.254',
  '2852039166',
  '[::ffff:169.254.169.254]',
  '[fd00:ec2::254]',
] as const;

const zoneName = (index: number): string => `private-${index}.test`;

/** What each name means, look after look. */
const ZONE: Readonly<Record<string, readonly (readonly string[])[]>> = {
  ...Object.fromEntries(PRIVATE_ADDRESSES.map((address, index) => [zoneName(index), [[address]]])),
  // Looked up for each connection: right while the Channel is checked, and while it plays for a while.
  'later.test': [...Array.from({ length: 6 }, () => [PUBLIC]), ['127.0.0.1']],
  'both.test': [['127.0.0.1', '::1', PUBLIC]],
  'segments.test': [['127.0.0.1']],
};

/** A source at all addresses of this machine: at one of them it is public, and whoever comes to another has broken out. */
class Everywhere {
  /** Addresses other than the public one to which somebody has connected. */
  readonly reached: string[] = [];
  readonly #server: Server;
  readonly #startedAt = Date.now() / 1000 - 20;

  constructor() {
    this.#server = createServer((request, response) => this.#answer(request, response));
    this.#server.on('connection', ({ localAddress = '' }) => {
      if (!localAddress.endsWith(PUBLIC)) this.reached.push(localAddress);
    });
  }

  async listen(): Promise<void> {
    // Of both families; of IPv4 alone on a machine without IPv6, where nobody can come to an address of the other.
    for (const host of ['::', '0.0.0.0']) {
      this.#server.listen(0, host);
      const isListening = await once(this.#server, 'listening').then(
        () => true,
        (error: NodeJS.ErrnoException) => {
          if (host === '::' && (error.code === 'EAFNOSUPPORT' || error.code === 'EADDRNOTAVAIL')) return false;
          throw error;
        },
      );
      if (isListening) return;
    }
  }

  /** URL of the source at a host. */
  url(host: string, query = ''): string {
    return `http://${host}:${this.port}/index.m3u8${query}`;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  /** Each answer ends its connection, so that the next request looks the name up again. */
  #answer(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url ?? '/', 'http://source');
    response.setHeader('connection', 'close');
    const to = url.searchParams.get('to');
    // As bytes of UTF-8, as servers send what they were given.
    if (to !== null) response.writeHead(302, { location: Buffer.from(to).toString('latin1') }).end();
    else if (url.pathname.endsWith('.m3u8')) response.end(this.#playlist(url.searchParams.get('segments') ?? ''));
    else {
      const startSeconds = 100 + Number(/(\d+)\.ts$/.exec(url.pathname)?.[1] ?? 0);
      response.end(makeSegment({ startSeconds, durationSeconds: 1 }));
    }
  }

  #playlist(base: string): string {
    const newest = Math.floor(Date.now() / 1000 - this.#startedAt);
    const names = Array.from({ length: 10 }, (_, index) => `#EXTINF:1,\n${base}${newest - 10 + index}.ts\n`);
    return `#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-MEDIA-SEQUENCE:${newest - 10}\n${names.join('')}`;
  }
}

/** Channels whose source must not be read at all. */
function forbiddenSources(source: Everywhere): readonly string[] {
  const names = PRIVATE_ADDRESSES.map((_, index) => zoneName(index));
  const direct = [...names, ...PRIVATE_HOSTS].map((host) => source.url(host));
  return [...direct, ...direct.map((url) => source.url(PUBLIC, `?to=${encodeURIComponent(url)}`))];
}

/** Of an address, or of a host that is none when a header has carried it. */
const REFUSED = /^(?:ForbiddenAddress|SourceUrlInvalid)$/;

function healthOf(edge: EdgePrograms, uid: string): string {
  return edge.operator.reportOf(uid)?.health.reason ?? '';
}

/** What the sidecar may need more: some ninety channels, of which each reads a playlist or two. */
const CEILING_BYTES = 60_000_000;

/** Some tries of each, on a busy machine. */
const WITHIN_SECONDS = 90;

/** Leads an edge to private addresses in every way. @returns how many of its channels name one */
async function mislead({ edge }: Neighbourhood, source: Everywhere): Promise<number> {
  const routeOf = (name: string, uri: string): Route =>
    testRoute(uri, { name, uid: `uid-${name}`, mode: 'Proxy', owners: [edge.owner], ownerTerm: 1 });
  const plays = async (name: string): Promise<boolean> =>
    (await ask(edge.url, `/live/default/${name}/source.m3u8?session=eve`)).status === 200;
  const forbidden = forbiddenSources(source);
  const segments = source.url(PUBLIC, `?segments=http://segments.test:${source.port}/`);
  const routes = [
    ...forbidden.map((uri, index) => routeOf(`forbidden-${index}`, uri)),
    routeOf('later', source.url('later.test')),
    routeOf('both', source.url('both.test')),
    routeOf('segments', segments),
  ];
  for (const route of routes) edge.operator.send({ type: 'route', route });
  await Promise.all([
    ...forbidden.map((uri, index) =>
      until(`${uri} is forbidden`, 60, () => REFUSED.test(healthOf(edge, `uid-forbidden-${index}`))),
    ),
    until('one of two addresses is used', 60, () => plays('both')),
    until('a name is followed', 60, () => plays('later')),
    until('segments elsewhere are forbidden', 60, () => healthOf(edge, 'uid-segments') === 'ForbiddenAddress'),
  ]);
  await until('a name that means another address is not', 60, async () => {
    await plays('later');
    return healthOf(edge, 'uid-later') === 'ForbiddenAddress';
  });
  assert.equal(await plays('both'), true);
  assert.deepEqual(source.reached, [], 'nobody came to a private address');
  return forbidden.length;
}

/**
 * A name that changes its address between check and use, and every other way to a private one, leads nowhere, and costs a healthy
 * channel beside it nothing.
 */
export async function rebinding(link: LinkFolder): Promise<string> {
  const source = new Everywhere();
  await source.listen();
  const names = pathToFileURL(join(import.meta.dirname, 'changing-names.mjs'));
  names.searchParams.set('zone', JSON.stringify(ZONE));
  const own = { sourceAddress: PUBLIC, preload: names.href, environment: { SLUICE_ALLOWED_CIDRS: `${PUBLIC}/32` } };
  const bounds = { ceilingBytes: CEILING_BYTES, withinSeconds: WITHIN_SECONDS };
  let count = 0;
  try {
    const attack = async (neighbourhood: Neighbourhood): Promise<void> => {
      count = await neighbourhood.attack('private addresses', bounds, () => mislead(neighbourhood, source));
    };
    const tolls = await besieged(link, '127.0.61.1', attack, own);
    return `${count} sources at private addresses, and names that change\n${tollTable(tolls)}`;
  } finally {
    source.close();
  }
}
