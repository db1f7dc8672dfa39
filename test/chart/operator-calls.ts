/** One right: a verb on a resource, as RBAC names them: `list channels.sluice.dev`, `patch channels.sluice.dev/status`. */
export type Right = string;

/** How the operator's code names a kind (`SECRET`), and the resource that it stands for (`secrets`). */
export type KindNames = Readonly<Record<string, string>>;

/** What each call of the client needs; an apply creates what does not exist yet (KEP-555). */
const VERBS: Readonly<Record<string, { readonly verbs: readonly string[]; readonly subresource: string }>> = {
  get: { verbs: ['get'], subresource: '' },
  create: { verbs: ['create'], subresource: '' },
  delete: { verbs: ['delete'], subresource: '' },
  apply: { verbs: ['create', 'patch'], subresource: '' },
  applyStatus: { verbs: ['patch'], subresource: '/status' },
  getScale: { verbs: ['get'], subresource: '/scale' },
  applyScale: { verbs: ['patch'], subresource: '/scale' },
};

/**
 * The rights that a piece of the operator's source uses: calls of the client with the name of a kind, caches, which list
 * and watch theirs, and status transactions.
 * @throws Error for a kind that `kinds` does not name: a right would be overlooked
 */
export function rightsUsedBy(source: string, kinds: KindNames): Right[] {
  const resource = (name: string): string => {
    const found = kinds[name];
    if (found === undefined) throw new Error(`which resource is ${name}?`);
    return found;
  };
  const calls = [...source.matchAll(/client\s*\.(\w+)\(\s*([A-Z][A-Z_]+)\b/g)].flatMap(([, method = '', name = '']) => {
    const needed = VERBS[method];
    if (needed === undefined) throw new Error(`which rights does client.${method} need?`);
    return needed.verbs.map((verb) => `${verb} ${resource(name)}${needed.subresource}`);
  });
  const caches = [...source.matchAll(/createReflector\(\{[^}]*?\btype: ([A-Z][A-Z_]+)\b/g)].flatMap(([, name = '']) =>
    ['list', 'watch'].map((verb) => `${verb} ${resource(name)}`),
  );
  const statuses = [...source.matchAll(/beginStatus\(\{[^}]*?\btype: ([A-Z][A-Z_]+)\b/g)].map(
    ([, name = '']) => `patch ${resource(name)}/status`,
  );
  return [...new Set([...calls, ...caches, ...statuses])].sort();
}

/** A rule of a Role or ClusterRole. */
export interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}

/** The rights that rules grant. */
export function rightsGrantedBy(rules: readonly Rule[]): Right[] {
  const rights = rules.flatMap(({ apiGroups, resources, verbs }) =>
    apiGroups.flatMap((group) =>
      resources.flatMap((resource) => {
        const [plural = '', subresource] = resource.split('/');
        const name = group === '' ? plural : `${plural}.${group}`;
        return verbs.map((verb) => `${verb} ${name}${subresource === undefined ? '' : `/${subresource}`}`);
      }),
    ),
  );
  return [...new Set(rights)].sort();
}
