import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { undocumentedValues, type ValueSchema } from './values.ts';

const chart = join(import.meta.dirname, '../../charts/sluice');

describe('undocumentedValues', () => {
  const schema: ValueSchema = {
    properties: { image: { $ref: '#/definitions/image' }, level: {} },
    definitions: { image: { properties: { tag: {}, digest: {} } } },
  };

  test('names what is missing, through references', () => {
    expect(undocumentedValues(schema, { image: { tag: '' } }, [])).toEqual(['image.digest', 'level']);
  });

  test('leaves out what is admitted', () => {
    expect(undocumentedValues(schema, { image: { tag: '' } }, ['level', 'image.digest'])).toEqual([]);
  });

  test('values.yaml shows every value that the chart takes', () => {
    const schemaOfChart = JSON.parse(readFileSync(join(chart, 'values.schema.json'), 'utf8')) as ValueSchema;
    const values: unknown = parse(readFileSync(join(chart, 'values.yaml'), 'utf8'));
    // Helm's own key, and what Kubernetes knows but our containers do not need.
    const claims = ['operator.resources', 'edge.nginx.resources', 'edge.sidecar.resources'].map(
      (path) => `${path}.claims`,
    );
    expect(undocumentedValues(schemaOfChart, values, ['global', ...claims])).toEqual([]);
  });
});
