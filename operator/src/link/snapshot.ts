import type { Audience } from '@sluice/common/link/audience.ts';
import { MAX_LINK_FRAME_BYTES, type OperatorMessage } from '@sluice/common/link/messages.ts';
import type { Route } from '@sluice/common/link/route.ts';

/** Room in the first frame for its own braces and for characters of more than one byte in names and addresses. */
const FRAME_BYTES = Math.floor(MAX_LINK_FRAME_BYTES * 0.75);

/**
 * What a connection begins with: one `snapshot`, which replaces everything that the edge has, and single messages for
 * what does not fit into its frame. Channels that run come first, so that none of them is ever missing at an edge.
 */
export function* snapshotMessages(
  routes: Iterable<Route>,
  audiences: ReadonlyMap<string, Audience>,
): Generator<OperatorMessage> {
  const ordered = [...routes].sort((one, other) => Number(one.mode === 'Idle') - Number(other.mode === 'Idle'));
  const first: { routes: Route[]; audiences: Audience[] } = { routes: [], audiences: [] };
  const rest: Route[] = [];
  let bytes = 0;
  for (const route of ordered) {
    const audience = audiences.get(route.uid);
    bytes +=
      Buffer.byteLength(JSON.stringify(route)) + (audience ? Buffer.byteLength(JSON.stringify(audience)) : 0) + 2;
    if (bytes > FRAME_BYTES) {
      rest.push(route);
      continue;
    }
    first.routes.push(route);
    if (audience !== undefined) first.audiences.push(audience);
  }
  yield { type: 'snapshot', ...first };
  for (const route of rest) {
    yield { type: 'route', route };
    const audience = audiences.get(route.uid);
    if (audience !== undefined) yield { type: 'audience', audience };
  }
}
