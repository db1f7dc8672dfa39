import { SluiceError } from '@sluice/common/errors/error.ts';
import { request } from 'undici';

/** A kind as its paths in the Kubernetes API name it. */
export interface ApiKind {
  /** `/api/v1` or `/apis/<group>/<version>`. */
  readonly root: string;
  readonly plural: string;
  readonly namespaced: boolean;
}

/** The Kubernetes API over HTTP without authentication, as the standalone operator offers it. */
export interface Api {
  /** @returns the answer's body; null for 404 @throws SluiceError `API_REFUSED` with the server's words */
  call<T>(method: 'GET' | 'POST' | 'PATCH' | 'DELETE', path: string, body?: ApiBody): Promise<T | null>;
  /** A text, such as a pod's log. @throws SluiceError `API_REFUSED` with the server's words */
  text(path: string): Promise<string>;
}

/** JSON to send. */
export interface ApiBody {
  readonly type: 'application/json' | 'application/merge-patch+json' | 'application/apply-patch+yaml';
  readonly object: object;
}

const TIMEOUT_MILLISECONDS = 30_000;

/** @param url base URL without a slash at the end */
export function createApi(url: string): Api {
  const send = async (method: string, path: string, body?: ApiBody): Promise<{ status: number; text: string }> => {
    const answer = await request(`${url}${path}`, {
      method,
      signal: AbortSignal.timeout(TIMEOUT_MILLISECONDS),
      ...(body === undefined ? {} : { headers: { 'content-type': body.type }, body: JSON.stringify(body.object) }),
    });
    const text = await answer.body.text();
    if (answer.statusCode >= 400 && answer.statusCode !== 404) throw refused(`${method} ${path}`, text);
    return { status: answer.statusCode, text };
  };
  return {
    async call<T>(method: string, path: string, body?: ApiBody) {
      const { status, text } = await send(method, path, body);
      return status === 404 ? null : (JSON.parse(text) as T);
    },
    async text(path) {
      const { status, text } = await send('GET', path);
      if (status === 404) throw refused(`GET ${path}`, text);
      return text;
    },
  };
}

/** Path of an object, or of all objects of a kind. @param namespace empty for all, and for kinds without one */
export function pathOf({ root, plural, namespaced }: ApiKind, namespace: string, name = ''): string {
  const scope = namespaced && namespace !== '' ? `/namespaces/${namespace}` : '';
  return `${root}${scope}/${plural}${name === '' ? '' : `/${name}`}`;
}

function refused(what: string, text: string): SluiceError {
  const message = text.startsWith('{') ? (JSON.parse(text) as { message?: string }).message : undefined;
  return new SluiceError(`${what}: ${message ?? text}`, { code: 'API_REFUSED', retryable: false });
}
