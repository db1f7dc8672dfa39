import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { readConfig } from '../config.ts';
import { bundlesOf, IMAGE_NAMES, IMAGES } from './table.ts';

test.each(IMAGE_NAMES)('the Dockerfile of %s exists', (name) => {
  expect(existsSync(join(readConfig({}).repositoryRoot, IMAGES[name].dockerfile))).toBe(true);
});

test('parts that several images share are bundled once', () => {
  expect(bundlesOf(['edge', 'edge', 'demo-source'])).toEqual(['edge', 'page']);
});
