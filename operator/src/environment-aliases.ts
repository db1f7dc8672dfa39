/** Another name of one of our environment variables. */
export interface EnvironmentAlias {
  readonly own: string;
  readonly alias: string;
  /** How many of the alias's units make one of ours; 1 if left out. */
  readonly unitsPerOwn?: number;
}

/** Milliseconds in a second. */
const PER_SECOND = 1000;

/** Names that platforms which ran streams before may have set already; our own names go first. */
export const ENVIRONMENT_ALIASES: readonly EnvironmentAlias[] = [
  { own: 'SLUICE_MAX_SESSIONS_PER_OWNER', alias: 'MAX_CONCURRENT_STREAMS_PER_USER' },
  { own: 'SLUICE_MAX_SESSIONS', alias: 'MAX_CONCURRENT_STREAMS_GLOBAL' },
  { own: 'SLUICE_WARNING_CPU_PERCENT', alias: 'RESOURCE_WARNING_CPU_PERCENT' },
  { own: 'SLUICE_WARNING_MEMORY_MEGABYTES', alias: 'RESOURCE_WARNING_MEMORY_MB' },
  { own: 'SLUICE_WARNING_AFTER_SECONDS', alias: 'RESOURCE_MONITOR_INTERVAL_MS', unitsPerOwn: PER_SECOND },
  { own: 'SLUICE_FORCE_KILL_SECONDS', alias: 'FORCE_KILL_TIMEOUT_MS', unitsPerOwn: PER_SECOND },
  { own: 'SLUICE_PREFER_HARDWARE', alias: 'PREFER_HARDWARE_ENCODING' },
  { own: 'SLUICE_HARDWARE_FALLBACK', alias: 'HARDWARE_ENCODER_FALLBACK' },
];

/** An environment in which our own names have the values of their aliases. */
export interface ReadEnvironment {
  readonly values: Readonly<Record<string, string | undefined>>;
  /** The name under which a value of ours was found, for messages that people can act on. */
  nameOf(own: string): string;
}

/**
 * Gives our own variables the values of their aliases, in our units, where they have none themselves. Empty ones that
 * have no value either way are left out.
 */
export function withAliases(environment: Readonly<Record<string, string | undefined>>): ReadEnvironment {
  const values = { ...environment };
  const names = new Map<string, string>();
  for (const { own, alias, unitsPerOwn = 1 } of ENVIRONMENT_ALIASES) {
    const text = environment[alias];
    if (isSet(values[own])) continue;
    delete values[own];
    if (!isSet(text)) continue;
    names.set(own, alias);
    // What is no number stays as it is: the schema refuses it, and the message names the alias.
    values[own] = unitsPerOwn === 1 || Number.isNaN(Number(text)) ? text : String(Number(text) / unitsPerOwn);
  }
  return { values, nameOf: (own) => names.get(own) ?? own };
}

/** An empty variable is one that a template left out. */
function isSet(text: string | undefined): text is string {
  return text !== undefined && text !== '';
}
