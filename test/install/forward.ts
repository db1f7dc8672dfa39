import { spawn } from 'node:child_process';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { SluiceError } from '@sluice/common/errors/error.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { SYSTEM_NAMESPACE, serviceAddress } from './install.ts';
import { createKubectl } from './kubectl.ts';

/** A port of this machine that leads to the edge. */
export interface Forward {
  /** `http://127.0.0.1:PORT`, without a slash at the end. */
  readonly url: string;
  close(): Promise<void>;
}

/**
 * Makes the edge Service reachable on loopback: directly where this machine is the node, else by kubectl port-forward.
 * @param port 0 for any free one
 * @throws SluiceError `PORT_IN_USE`, naming the remedy
 */
export async function forwardToEdge(cluster: Cluster, port: number): Promise<Forward> {
  return cluster.backend === 'node' ? forwardDirectly(cluster, port) : forwardByKubectl(cluster, port);
}

/**
 * Says at once what would otherwise be said after minutes of preparation.
 * @throws SluiceError `PORT_IN_USE` or `PORT_INVALID`, naming the remedy
 */
export async function requireFreePort(port: number): Promise<void> {
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    const message = 'SLUICE_PORT must be a whole number from 1 to 65535';
    throw new SluiceError(message, { code: 'PORT_INVALID', retryable: false });
  }
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.on('error', (cause) => reject(portInUse(port, cause)));
    server.listen(port, '127.0.0.1', resolve);
  });
  await new Promise((resolve) => server.close(resolve));
}

async function forwardDirectly(cluster: Cluster, port: number): Promise<Forward> {
  const kubectl = createKubectl(cluster);
  const address = await serviceAddress(kubectl, SYSTEM_NAMESPACE, 'sluice-edge');
  const open = new Set<Socket>();
  const server = createServer((client) => {
    const edge = connect(80, address);
    for (const [from, to] of [[client, edge] as const, [edge, client] as const]) {
      open.add(from);
      from.on('error', () => to.destroy());
      from.on('close', () => {
        open.delete(from);
        to.destroy();
      });
      from.pipe(to);
    }
  });
  await new Promise<void>((resolve, reject) => {
    server.on('error', (cause) => reject(portInUse(port, cause)));
    server.listen(port, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Between the end of a port-forward and the next: its pod has ended, and another becomes ready within seconds. */
const AGAIN_MILLISECONDS = 500;

/** kubectl leads to one pod of the Service and ends with it, or with the API server: it is started again until close. */
async function forwardByKubectl(cluster: Cluster, port: number): Promise<Forward> {
  let current = await startPortForward(cluster, port, 'inherit');
  const { url } = current;
  let closed = false;
  const kept = (async () => {
    for (;;) {
      await current.ended;
      if (!closed) await sleep(AGAIN_MILLISECONDS);
      if (closed) return;
      current = await startPortForward(cluster, Number(new URL(url).port), 'ignore').catch(() => current);
      if (closed) current.end();
    }
  })();
  return {
    url,
    async close() {
      closed = true;
      current.end();
      await kept;
    },
  };
}

/** A kubectl that forwards. */
interface PortForward {
  readonly url: string;
  readonly ended: Promise<void>;
  end(): void;
}

/** @param complaints where kubectl's own messages go @throws SluiceError `PORT_IN_USE` if it ends instead */
async function startPortForward(
  cluster: Cluster,
  port: number,
  complaints: 'inherit' | 'ignore',
): Promise<PortForward> {
  const args = ['port-forward', '-n', SYSTEM_NAMESPACE, 'service/sluice-edge', port === 0 ? ':80' : `${port}:80`];
  const environment = { ...process.env, KUBECONFIG: cluster.kubeconfigPath };
  const child = spawn(cluster.kubectlPath, args, { env: environment, stdio: ['ignore', 'pipe', complaints] });
  const ended = new Promise<void>((resolve) => child.on('close', () => resolve()));
  const url = await new Promise<string>((resolve, reject) => {
    child.stdout?.on('data', (chunk: Buffer) => {
      const match = /Forwarding from (127\.0\.0\.1:\d+)/.exec(chunk.toString());
      if (match !== null) resolve(`http://${match[1]}`);
    });
    child.on('error', reject);
    child.on('close', () => reject(portInUse(port, undefined)));
  });
  return { url, ended, end: () => void child.kill('SIGTERM') };
}

function portInUse(port: number, cause: unknown): SluiceError {
  return new SluiceError(`port ${port} cannot be opened on 127.0.0.1; choose another with SLUICE_PORT`, {
    code: 'PORT_IN_USE',
    retryable: false,
    cause,
  });
}
