import { readFileSync } from 'node:fs';
import { KubeConfig } from '@kubernetes/client-node';
import { Agent, type Dispatcher, ProxyAgent } from 'undici';
import { RuntimeError } from '../errors/error.ts';

/** Where the API server is and how to prove who we are; kubeconfig and its parsing are client-node's. */
export interface Connection {
  /** Base URL without a slash at the end. */
  readonly server: string;
  /** Headers that authenticate a request; a rotated token is in them after a second. Not to be changed. */
  authorization(): Promise<Record<string, string>>;
  /** A dispatcher with the cluster's certificates as they are on disk now. */
  createDispatcher(options: DispatcherOptions): Dispatcher;
}

/** How a dispatcher waits. */
export interface DispatcherOptions {
  /** Until the first byte of an answer, in seconds. */
  readonly headersTimeoutSeconds: number;
  /** Between two pieces of an answer's body, in seconds. */
  readonly bodyTimeoutSeconds: number;
  /** HTTP/1.1 connections at most; null: as many as there are requests under way. */
  readonly connections: number | null;
  /** HTTP/2 where the server offers it: many requests share a connection. */
  readonly allowH2: boolean;
}

/**
 * Tokens and certificates are looked at again after this, not for each of hundreds of calls a second: client-node reads
 * and decodes them all each time. A token is renewed minutes before it ends.
 */
const AUTHORIZATION_MILLISECONDS = 1000;

/**
 * undici closes an idle connection after 4 s, so that every burst of writes would begin with handshakes; client-go keeps
 * them for 90 s. Half a minute is below what load balancers in between wait.
 */
const KEEP_ALIVE_MILLISECONDS = 30_000;

/** A connection attempt that takes longer would outlive a leader's lease renewal. */
const CONNECT_TIMEOUT_MILLISECONDS = 5000;

/**
 * Reads a kubeconfig file, or the service account of the pod if `path` is empty.
 * @param now milliseconds of a clock that never goes back
 * @throws RuntimeError `KUBECONFIG_INVALID`
 */
export function connect(path: string, now: () => number = () => performance.now()): Connection {
  const config = new KubeConfig();
  try {
    if (path === '') config.loadFromCluster();
    else config.loadFromFile(path);
  } catch (cause) {
    throw invalid(path === '' ? 'the service account of this pod cannot be read' : `${path} cannot be read`, cause);
  }
  const cluster = config.getCurrentCluster();
  if (cluster === null) throw invalid('the current context names no cluster', undefined);
  return {
    server: cluster.server.replace(/\/+$/, ''),
    authorization: remembered(() => authorizationOf(config), now),
    createDispatcher: (options) => createDispatcher(config, options),
  };
}

/** Asks again only after a while; what failed is not remembered. */
function remembered<T>(ask: () => Promise<T>, now: () => number): () => Promise<T> {
  let known: { readonly answer: Promise<T>; readonly at: number } | null = null;
  return () => {
    if (known !== null && now() - known.at < AUTHORIZATION_MILLISECONDS) return known.answer;
    const answer = ask();
    known = { answer, at: now() };
    answer.catch(() => {
      known = null;
    });
    return answer;
  };
}

/**
 * client-node knows tokens, token files, exec plugins, basic authentication and impersonation; it writes them into
 * request options, the password into `auth`.
 */
async function authorizationOf(config: KubeConfig): Promise<Record<string, string>> {
  const options: { headers?: Record<string, unknown>; auth?: string } = {};
  await config.applyToHTTPSOptions(options as Parameters<KubeConfig['applyToHTTPSOptions']>[0]);
  const headers: Record<string, string> = {};
  if (options.auth !== undefined) headers.authorization = `Basic ${Buffer.from(options.auth).toString('base64')}`;
  for (const [name, value] of Object.entries(options.headers ?? {})) {
    if (typeof value === 'string') headers[name.toLowerCase()] = value;
  }
  return headers;
}

function createDispatcher(config: KubeConfig, options: DispatcherOptions): Dispatcher {
  const cluster = config.getCurrentCluster();
  const user = config.getCurrentUser();
  const ca = pem(cluster?.caData, cluster?.caFile);
  const cert = pem(user?.certData, user?.certFile);
  const key = pem(user?.keyData, user?.keyFile);
  const tls = {
    timeout: CONNECT_TIMEOUT_MILLISECONDS,
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(cluster?.skipTLSVerify === true ? { rejectUnauthorized: false } : {}),
    ...(cluster?.tlsServerName === undefined ? {} : { servername: cluster.tlsServerName }),
  };
  const settings = {
    connections: options.connections,
    allowH2: options.allowH2,
    keepAliveTimeout: KEEP_ALIVE_MILLISECONDS,
    headersTimeout: options.headersTimeoutSeconds * 1000,
    bodyTimeout: options.bodyTimeoutSeconds * 1000,
  };
  return cluster?.proxyUrl === undefined
    ? new Agent({ ...settings, connect: tls })
    : new ProxyAgent({ ...settings, uri: cluster.proxyUrl, requestTls: tls });
}

function pem(data: string | undefined, file: string | undefined): Buffer | undefined {
  if (data !== undefined && data !== '') return Buffer.from(data, 'base64');
  return file === undefined || file === '' ? undefined : readFileSync(file);
}

function invalid(message: string, cause: unknown): RuntimeError {
  return new RuntimeError(`kubeconfig: ${message}`, { code: 'KUBECONFIG_INVALID', retryable: false, cause });
}
