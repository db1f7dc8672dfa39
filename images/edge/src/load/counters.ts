import { readFile } from 'node:fs/promises';
import { get } from 'node:http';
import type { Counters } from './meter.ts';

/** The kernel's counters of this network namespace: in a pod, the pod's own (proc(5)). */
const NETWORK_COUNTERS = '/proc/net/dev';
/** Position of the bytes that were sent, among the counters of an interface. */
const SENT_BYTES = 8;
/** nginx answers by itself within a millisecond; one that is not there must not hold up the next look. */
const ANSWER_MS = 2_000;
/** stub_status writes four short lines. */
const MAX_STATUS_BYTES = 4_096;

/** Where nginx's own counters are asked for. */
export interface CounterSources {
  /** Address that nginx listens on. */
  readonly address: string;
  readonly port: number;
  /** Path of stub_status. */
  readonly path: string;
}

/** Reads the counters; what cannot be read is null, and nothing is ever thrown. */
export async function readCounters(sources: CounterSources): Promise<Counters> {
  const [network, status] = await Promise.all([
    readFile(NETWORK_COUNTERS, 'utf8').catch(() => ''),
    fetchStatus(sources).catch(() => ''),
  ]);
  return { egressBytes: sentBytesIn(network), requests: requestsIn(status) };
}

/**
 * Bytes sent over all interfaces but the loopback, where nginx and its sidecar talk with each other.
 * @param text of /proc/net/dev @returns null where it has no such interface
 */
export function sentBytesIn(text: string): number | null {
  let sum: number | null = null;
  for (const [, name = '', counters = ''] of text.matchAll(/^\s*([^\s:]+):(.*)$/gm)) {
    const bytes = Number(counters.trim().split(/\s+/)[SENT_BYTES] ?? Number.NaN);
    if (name !== 'lo' && Number.isFinite(bytes)) sum = (sum ?? 0) + bytes;
  }
  return sum;
}

/** Requests out of what nginx's stub_status writes (`server accepts handled requests`, then the numbers); null: none. */
export function requestsIn(text: string): number | null {
  const [, requests] = /^\s*\d+\s+\d+\s+(\d+)\s*$/m.exec(text) ?? [];
  return requests === undefined ? null : Number(requests);
}

/** @throws Error if nginx does not answer, or not in time */
function fetchStatus({ address, port, path }: CounterSources): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const options = { host: reachable(address), port, path, agent: false, signal: AbortSignal.timeout(ANSWER_MS) };
  const request = get(options, (response) => {
    let text = '';
    response.setEncoding('utf8');
    response.on('data', (chunk: string) => {
      text += chunk;
      if (text.length > MAX_STATUS_BYTES) request.destroy(new Error('this is not stub_status'));
    });
    response.on('end', () => resolve(response.statusCode === 200 ? text : ''));
    response.on('error', reject);
  });
  request.on('error', reject);
  return promise;
}

/** Where a server that listens on every address is asked. */
function reachable(address: string): string {
  return address === '::' || address === '0.0.0.0' ? '127.0.0.1' : address;
}
