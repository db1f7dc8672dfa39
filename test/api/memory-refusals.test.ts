import { describe, expect, test } from '@jest/globals';
import { API_VERSION } from '@sluice/crds';
import { objectSchema } from '@sluice/crds/custom-resource.ts';
import { KINDS } from '@sluice/crds/kinds.ts';
import { createMemoryClient } from '@sluice/operator/runtime/memory/client.ts';
import type { JsonObject } from '@sluice/operator/runtime/memory/fields.ts';
import type { ObjectStore, ServedKind } from '@sluice/operator/runtime/memory/object-store.ts';
import { createStandaloneStore } from '@sluice/operator/standalone/api/kinds.ts';
import { brokenValue, type Defect, wrongContainers } from './broken-values.ts';
import type { Refusal } from './refusal.ts';
import { merge, REFUSALS, VALID_SPECS } from './refusals.ts';

const store = createStandaloneStore(Date.now);

function kindOf(name: string, of: ObjectStore = store): ServedKind {
  const kind = of.kinds.find((each) => each.kind === name);
  if (kind === undefined) throw new Error(`the store does not keep ${name}`);
  return kind;
}

function object(kind: string, name: string, spec: unknown): JsonObject {
  return { apiVersion: API_VERSION, kind, metadata: { name, namespace: 'default' }, spec };
}

/** What the store says to an object that it must not take. */
function refusal(kind: string, name: string, spec: unknown): string {
  try {
    store.create(kindOf(kind), object(kind, name, spec), 'test', { dryRun: true });
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error('the store took it');
}

describe('the API in memory refuses what the API server refuses, and names the field', () => {
  test.each(REFUSALS)('$name', ({ kind, objectName = 'film', spec, field, message }: Refusal) => {
    const said = refusal(kind, objectName, merge(VALID_SPECS[kind], spec));
    expect(said).toContain(`${field}`);
    expect(said).toMatch(message);
  });

  const DEFECTS: readonly Defect[] = [
    'wrong type',
    'below its bounds',
    'above its bounds',
    'too many items',
    'missing',
  ];
  test.each(KINDS.flatMap((kind) => DEFECTS.map((defect) => ({ kind, defect, name: kind.names.kind }))))(
    '$name: every field, $defect',
    ({ kind, defect, name }) => {
      const spec = objectSchema(kind).properties?.spec;
      if (spec === undefined) throw new Error('no schema');
      const broken = brokenValue(spec, 'spec', defect);
      if (broken.errors.length === 0) return;
      const said = refusal(name, 'film', broken.value);
      expect(broken.errors.filter(({ path }) => !said.includes(`${path}: `))).toEqual([]);
    },
  );

  test.each(KINDS.map((kind) => ({ kind, name: kind.names.kind })))(
    '$name: text in place of containers',
    ({ kind }) => {
      const spec = objectSchema(kind).properties?.spec;
      if (spec === undefined) throw new Error('no schema');
      for (const { value, errors } of wrongContainers(spec, 'spec')) {
        const said = refusal(kind.names.kind, 'film', value);
        expect(errors.filter(({ path }) => !said.includes(`${path}: `))).toEqual([]);
      }
    },
  );
});

describe('the API in memory', () => {
  test.each(['Channel', 'StreamSession'] as const)('takes the least %s and fills in its defaults', (kind) => {
    const made = store.create(kindOf(kind), object(kind, 'film', VALID_SPECS[kind]), 'test', { dryRun: true });
    expect(made.spec).toMatchObject(VALID_SPECS[kind]);
    if (kind === 'Channel') expect(made.spec).toMatchObject({ delivery: { thresholds: { proxy: 2, transcode: 4 } } });
  });

  test('refuses a change of a StreamSession, and none that changes nothing', async () => {
    const client = createMemoryClient(createStandaloneStore(Date.now));
    const type = { ...kindOf('StreamSession'), parse: (raw: unknown) => raw as { metadata: { name: string } } };
    const session = object('StreamSession', 'film-1', VALID_SPECS.StreamSession) as never;
    await client.apply(type, session, 'test');
    await client.apply(type, session, 'test');
    const changed = object('StreamSession', 'film-1', { ...VALID_SPECS.StreamSession, preset: 'fast' }) as never;
    await expect(client.apply(type, changed, 'test')).rejects.toMatchObject({
      code: 'Invalid',
      message: expect.stringContaining('spec of a StreamSession cannot be changed'),
    });
  });
});
