import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { SluiceError } from '@sluice/common/errors/error.ts';

/** Second numbers of 127.0.0.0/8 that runs may take: clear of 127.0.0.1, of systemd's 127.0.0.53 and of Debian's 127.0.1.1. */
const OCTETS = { first: 16, last: 239 } as const;
/** Whoever listens here has the network: the kernel takes it back however the process ends. */
const LOCK_PORT = 47_000;
/** Ports below this need root; a Service's are offered {@link UNPRIVILEGED_OFFSET} higher. */
const FIRST_UNPRIVILEGED_PORT = 1024;
const UNPRIVILEGED_OFFSET = 8000;

/** `http://NAME.NAMESPACE.svc`, `.svc.cluster.local`, with or without a port: the names of Kubernetes' DNS. */
const SERVICE_URL = /\b(https?:\/\/)([-a-z0-9]+)\.([-a-z0-9]+)\.svc(?:\.cluster\.local)?(?::(\d{1,5}))?(?=[/?#]|$)/g;

/** The addresses of one run, beside which others may run: `127.<octet>.0.0/16`. */
export interface LoopbackNetwork {
  /** An address that nobody has had before; after some 60,000 they come again, when their first owners are long gone. */
  podAddress(): string;
  /** Where the Service of this name is, whether it exists yet or not. */
  serviceAddress(namespace: string, name: string): string;
  /** The text with every `http(s)://NAME.NAMESPACE.svc[:PORT]` replaced by the address and port that stand for it. */
  resolve(text: string): string;
  /** Gives the network back. */
  close(): void;
}

/**
 * Takes the first network that nobody uses.
 * @throws SluiceError NETWORK_MISSING where this system has no addresses but 127.0.0.1 (macOS), or all are taken
 */
export async function takeNetwork(): Promise<LoopbackNetwork> {
  let cause: unknown;
  for (let octet: number = OCTETS.first; octet <= OCTETS.last; octet += 1) {
    const lock = createServer((socket) => socket.destroy()).listen(LOCK_PORT, `127.${octet}.0.1`);
    try {
      await once(lock, 'listening');
      return networkOf(octet, lock);
    } catch (error) {
      cause = error;
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') break;
    }
  }
  const message = 'no network of 127.16.0.0/16 to 127.239.0.0/16 can be used: pods need Linux, and one that is free';
  throw new SluiceError(message, { code: 'NETWORK_MISSING', retryable: false, cause });
}

/** Where a Service's port answers: 80 at 8080, 443 at 8443, those from 1024 on at their own number. */
export function servicePort(port: number): number {
  return port < FIRST_UNPRIVILEGED_PORT ? port + UNPRIVILEGED_OFFSET : port;
}

function networkOf(octet: number, lock: Server): LoopbackNetwork {
  const services = new Map<string, string>();
  let given = 0;
  const podAddress = (): string => {
    given += 1; // from .1.1 on: .0.1 is the lock's
    return `127.${octet}.${1 + ((given >> 8) % 255)}.${given % 256}`;
  };
  const serviceAddress = (namespace: string, name: string): string => {
    const key = `${namespace}/${name}`;
    const address = services.get(key) ?? podAddress();
    services.set(key, address);
    return address;
  };
  return {
    podAddress,
    serviceAddress,
    resolve: (text) =>
      text.replace(SERVICE_URL, (_, scheme: string, name: string, namespace: string, port?: string) => {
        const number = Number(port ?? (scheme === 'https://' ? 443 : 80));
        return `${scheme}${serviceAddress(namespace, name)}:${servicePort(number)}`;
      }),
    close: () => void lock.close(),
  };
}
