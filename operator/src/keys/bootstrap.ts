import { SECRET } from '../kinds.ts';
import { MANAGED_BY } from '../labels.ts';
import { hasReason } from '../runtime/client/api-error.ts';
import type { ApplyConfiguration, Client } from '../runtime/client/client.ts';
import { identityOf, type LinkIdentity, makeEdgeKeys, makeOperatorKeys } from './link-keys.ts';

/** Which Secrets hold the keys of the link. */
export interface LinkSecrets {
  readonly namespace: string;
  readonly edge: string;
  readonly operator: string;
}

/**
 * Reads the keys of the link, and makes those that are missing: the edges' pods wait in ContainerCreating until their
 * Secret exists. Two operators that start together agree, because a Secret is made by POST once.
 * @throws SluiceError LINK_KEYS_INVALID; ApiError
 */
export async function ensureLinkIdentity(
  client: Client,
  secrets: LinkSecrets,
  now: () => number,
): Promise<LinkIdentity> {
  const { namespace } = secrets;
  const operator = await ensure(client, namespace, secrets.operator, () => Promise.resolve({ ...makeOperatorKeys() }));
  const edge = await ensure(client, namespace, secrets.edge, async () => ({
    ...(await makeEdgeKeys(operator['operator.key'] ?? '', now())),
  }));
  return identityOf(edge, operator);
}

async function ensure(
  client: Client,
  namespace: string,
  name: string,
  make: () => Promise<Record<string, string>>,
): Promise<Readonly<Record<string, string>>> {
  const found = await client.get(SECRET, { namespace, name });
  if (found !== null) return found.data;
  const made = await make();
  const data = Object.fromEntries(
    Object.entries(made).map(([key, value]) => [key, Buffer.from(value).toString('base64')]),
  );
  const object = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { namespace, name, labels: MANAGED_BY },
    type: 'Opaque',
    data,
  };
  try {
    await client.create(SECRET, object as ApplyConfiguration);
    return made;
  } catch (error) {
    if (!hasReason(error, 'AlreadyExists')) throw error;
    return (await client.get(SECRET, { namespace, name }))?.data ?? {};
  }
}
