import { z } from 'zod';
import { DEMO_NAMESPACE } from '../install/install.ts';
import type { Kubectl } from '../install/kubectl.ts';

/** One request that the demo source has answered. */
export interface SourceRequest {
  /** Address of the client. */
  readonly client: string;
  readonly method: string;
  readonly uri: string;
  readonly status: number;
  /** Whether a pod asked (the edge), not this machine (a viewer). */
  readonly fromPod: boolean;
}

/** One line of the demo source's log (its nginx.conf). */
const lineSchema = z.object({ remote: z.string(), method: z.string(), uri: z.string(), status: z.int() });

/** All requests in the demo source's log; lines that are no requests (start-up messages) are passed over. @param podAddresses of the pods that count as edge */
export function parseSourceLog(text: string, podAddresses: ReadonlySet<string>): SourceRequest[] {
  return text.split('\n').flatMap((line) => {
    if (!line.startsWith('{')) return [];
    const { remote, ...request } = lineSchema.parse(JSON.parse(line));
    return [{ ...request, client: remote, fromPod: podAddresses.has(remote) }];
  });
}

/** Requests for media segments, oldest first. */
export async function mediaRequests(kubectl: Kubectl): Promise<SourceRequest[]> {
  const addresses = await kubectl.run([
    'get',
    'pods',
    '-A',
    '-o',
    'jsonpath={range .items[*]}{.status.podIP}{"\\n"}{end}',
  ]);
  const log = await kubectl.run(['logs', 'deployment/demo-source', '-n', DEMO_NAMESPACE, '--tail=-1']);
  const all = parseSourceLog(log, new Set(addresses.split('\n').filter((address) => address !== '')));
  return all.filter((request) => request.uri.endsWith('.ts') && request.method === 'GET');
}
