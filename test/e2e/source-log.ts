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

/** The demo source writes `CLIENT METHOD URI STATUS BYTES` for each request (its nginx.conf). */
const LINE = /^(\d+\.\d+\.\d+\.\d+) ([A-Z]+) (\S+) (\d{3})\b/;

/** All requests in the demo source's log. @param podAddresses of the pods that count as edge */
export function parseSourceLog(text: string, podAddresses: ReadonlySet<string>): SourceRequest[] {
  return text.split('\n').flatMap((line) => {
    const match = LINE.exec(line);
    if (match === null) return [];
    const [, client = '', method = '', uri = '', status = ''] = match;
    return [{ client, method, uri, status: Number(status), fromPod: podAddresses.has(client) }];
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
