import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { SluiceError } from '@sluice/common/errors/error.ts';
import { resolveServices, serviceAddress } from './service-names.ts';

/** Second numbers of 127.0.0.0/8 that runs may take: clear of 127.0.0.1, of systemd's 127.0.0.53 and of Debian's 127.0.1.1. */
const OCTETS = { first: 16, last: 239 } as const;

/** Whoever listens here has the network: the kernel takes it back however the process ends. */
const LOCK_PORT = 47_000;

/** Pods have the lower half of the network without its first 256 addresses. */
const POD_ADDRESSES = { first: 0x0102, last: 0x7ffe } as const;

/** The addresses of one run, beside which others may run: `127.<octet>.0.0/16`. */
export interface LoopbackNetwork {
  /** `127.17.0.0/16` */
  readonly cidr: string;
  /** An address that no pod has, not one given back a moment ago while there are others. */
  takePodAddress(): string;
  releasePodAddress(address: string): void;
  /** Where the Service of this name is, whether it exists yet or not. */
  serviceAddress(namespace: string, name: string): string;
  /** The text with names of Services in its URLs replaced by their addresses. */
  resolve(text: string): string;
  /** Gives the network back. */
  close(): Promise<void>;
}

/**
 * Takes the first network that nobody uses.
 * @throws SluiceError NETWORK_MISSING where this system has no addresses but 127.0.0.1 (macOS), or all are taken
 */
export async function takeNetwork(): Promise<LoopbackNetwork> {
  for (let octet: number = OCTETS.first; octet <= OCTETS.last; octet += 1) {
    const lock = await tryToListen(`127.${octet}.0.1`);
    if (lock !== null) return networkOf(octet, lock);
  }
  throw new SluiceError('no loopback network 127.16.0.0/16 to 127.239.0.0/16 is free', {
    code: 'NETWORK_MISSING',
    retryable: false,
  });
}

/** Null if another one listens there. */
async function tryToListen(address: string): Promise<Server | null> {
  const server = createServer((socket) => socket.destroy());
  server.listen(LOCK_PORT, address);
  try {
    await once(server, 'listening');
    return server;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EADDRINUSE') return null;
    const message = `${address} cannot be used: pods need Linux, where all of 127.0.0.0/8 is this machine`;
    throw new SluiceError(message, { code: 'NETWORK_MISSING', retryable: false, cause: error });
  }
}

function networkOf(octet: number, lock: Server): LoopbackNetwork {
  const taken = new Set<string>();
  let next: number = POD_ADDRESSES.first;
  return {
    cidr: `127.${octet}.0.0/16`,
    takePodAddress() {
      const last = next + (POD_ADDRESSES.last - POD_ADDRESSES.first);
      for (let tried = next; tried <= last; tried += 1) {
        const host = tried > POD_ADDRESSES.last ? tried - POD_ADDRESSES.last + POD_ADDRESSES.first - 1 : tried;
        const address = `127.${octet}.${host >> 8}.${host & 255}`;
        if (taken.has(address) || host % 256 === 0 || host % 256 === 255) continue;
        taken.add(address);
        next = host === POD_ADDRESSES.last ? POD_ADDRESSES.first : host + 1;
        return address;
      }
      throw new SluiceError('all addresses for pods are taken', { code: 'NETWORK_FULL', retryable: true });
    },
    releasePodAddress: (address) => void taken.delete(address),
    serviceAddress: (namespace, name) => serviceAddress(octet, namespace, name),
    resolve: (text) => resolveServices(text, octet),
    async close() {
      const closed = once(lock, 'close');
      lock.close();
      await closed;
    },
  };
}
