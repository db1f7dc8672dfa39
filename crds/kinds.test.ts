import { describe, expect, test } from '@jest/globals';
import { factsFixture } from '@sluice/common/link/facts.testing.ts';
import { type SourceFacts, sourceFactsSchema } from '@sluice/common/link/source-facts.ts';
import { apiReference } from './api-reference.ts';
import { channelSpecSchema, DEFAULT_LADDER } from './channel.ts';
import { type ChannelSourceFacts, channelSourceFactsSchema } from './channel-status.ts';
import { customResourceDefinition, objectSchema } from './custom-resource.ts';
import { KINDS } from './kinds.ts';
import type { StructuralSchema } from './structural-schema.ts';

/** Every node of a schema with its path. */
function nodes(schema: StructuralSchema, path: string): { path: string; node: StructuralSchema }[] {
  const children: [string, StructuralSchema][] = Object.entries(schema.properties ?? {}).map(([name, child]) => [
    `${path}.${name}`,
    child,
  ]);
  if (schema.items !== undefined) children.push([`${path}[]`, schema.items]);
  return [{ path, node: schema }, ...children.flatMap(([childPath, child]) => nodes(child, childPath))];
}

describe.each(KINDS)('$names.kind', (kind) => {
  const all = nodes(objectSchema(kind), kind.names.kind);

  test('descriptions are sentences', () => {
    const bad = all.filter(({ node }) => node.description !== undefined && !/^[A-Z].*[.]$/s.test(node.description));
    expect(bad.map(({ path }) => path)).toEqual([]);
  });

  test('a description names the default of its field', () => {
    const plain = all.filter(({ node }) => ['string', 'number'].includes(typeof node.default));
    const silent = plain.filter(({ node }) => !node.description?.includes(String(node.default)));
    expect(silent.map(({ path }) => path)).toEqual([]);
  });

  test('values of enumerations are CapitalCamel, unless they are names of codecs and programs', () => {
    const foreign = /encoderPreference|preset|container/;
    const bad = all.filter(
      ({ path, node }) => !foreign.test(path) && node.enum?.some((value) => !/^([A-Z][a-z]+)+$/.test(value)),
    );
    expect(bad.map(({ path }) => path)).toEqual([]);
  });

  test('rules have messages that do not repeat the expression', () => {
    const rules = all.flatMap(({ node }) => node['x-kubernetes-validations'] ?? []);
    expect(rules.length).toBeGreaterThan(0);
    for (const rule of rules) {
      expect(rule.message).not.toMatch(/self\b|\n/);
      expect(rule.message.length).toBeGreaterThan(20);
    }
  });

  test('printer columns show fields that exist', () => {
    const paths = all.map(({ path }) => path.slice(kind.names.kind.length));
    for (const column of kind.columns) {
      const path = column.jsonPath.replace(/\[\?.*?\]/, '[]');
      if (!path.startsWith('.metadata.')) expect(paths).toContain(path);
    }
  });

  test('the definition holds status as a subresource and one stored version', () => {
    expect(customResourceDefinition(kind)).toMatchObject({
      spec: { versions: [{ served: true, storage: true, subresources: { status: {} } }] },
    });
  });

  test('the reference has a row for every field', () => {
    const reference = apiReference([kind]);
    const fields = all.filter(({ path }) => /\.(spec|status)\./.test(path) && !path.endsWith('[]'));
    for (const { path } of fields) expect(reference).toContain(`| \`${path.slice(kind.names.kind.length + 1)}\` |`);
  });
});

describe('defaults of a Channel', () => {
  test('a source is all that a person has to write', () => {
    const spec = channelSpecSchema.parse({ source: { uri: 'https://media.example.org/film/index.m3u8' } });
    expect(spec.delivery).toEqual({
      minimumMode: 'Idle',
      maximumMode: 'Transcode',
      thresholds: { proxy: 2, transcode: 4 },
      hysteresisSeconds: 30,
      latency: 'Standard',
    });
    expect(spec.viewers).toEqual({
      heartbeatSeconds: 30,
      timeoutSeconds: 60,
      identity: 'UrlSession',
      trustHeartbeats: false,
    });
    expect(spec.transcode.ladder).toEqual(DEFAULT_LADDER);
    expect(spec.transcode.ladder.map((rung) => rung.bitrateBps)).toEqual([4_000_000, 2_500_000, 1_200_000]);
  });
});

describe('facts of a source', () => {
  test('go from the link into the status and back unchanged', () => {
    const facts = factsFixture();
    const stored: ChannelSourceFacts = channelSourceFactsSchema.parse(facts);
    const returned: SourceFacts = sourceFactsSchema.parse(stored);
    expect(returned).toEqual(facts);
  });
});
