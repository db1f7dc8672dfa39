/**
 * Loaded into a sidecar before its own code (`--import`): the system's resolver, except that names in the query's `zone` (JSON)
 * have other addresses each time that they are looked up; the last ones stay.
 */
import dns from 'node:dns';
import { syncBuiltinESMExports } from 'node:module';

/** @type {Map<string, string[][]>} */
const zone = new Map(Object.entries(JSON.parse(new URL(import.meta.url).searchParams.get('zone') ?? '{}')));
const { lookup } = dns;

dns.lookup = (name, options, callback) => {
  const answers = zone.get(name);
  if (answers === undefined) return lookup(name, options, callback);
  const addresses = (answers.length > 1 ? answers.shift() : answers[0]) ?? [];
  const all = addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
  return void setImmediate(() => callback(null, all));
};
syncBuiltinESMExports();
