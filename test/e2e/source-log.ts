import { z } from 'zod';
import { DEMO_NAMESPACE } from '../install/install.ts';
import type { Platform } from './platform/platform.ts';

/** One request that the demo source has answered. */
export interface SourceRequest {
  readonly method: string;
  readonly uri: string;
  readonly status: number;
  /** Whether an edge asked, not a viewer. */
  readonly fromEdge: boolean;
}

/** How an edge names itself to a source. */
const EDGE_AGENT = 'sluice';

/** One line of the demo source's log (its nginx.conf). */
const lineSchema = z.object({ method: z.string(), uri: z.string(), status: z.int(), agent: z.string() });

/** All requests in a demo source's log; lines that are no requests (start-up messages) are passed over. */
export function parseSourceLog(text: string): SourceRequest[] {
  return text.split('\n').flatMap((line) => {
    if (!line.startsWith('{')) return [];
    const { agent, ...request } = lineSchema.parse(JSON.parse(line));
    return [{ ...request, fromEdge: agent === EDGE_AGENT }];
  });
}

/**
 * Requests for media segments that a demo source has answered, oldest first.
 * @param path only those below it, e.g. `/film/`
 * @param namespace of the source's pod
 */
export async function mediaRequests(
  platform: Platform,
  path: string,
  namespace = DEMO_NAMESPACE,
): Promise<SourceRequest[]> {
  const pods = await platform.list('Pod', namespace, 'app.kubernetes.io/name=demo-source');
  const logs = await Promise.all(pods.map((pod) => platform.logs(namespace, pod.metadata.name)));
  return logs
    .flatMap(parseSourceLog)
    .filter(({ uri, method }) => uri.startsWith(path) && /\.(?:ts|m4s)$/.test(uri) && method === 'GET');
}
