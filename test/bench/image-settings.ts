import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What an image tells Node.js and the C library: Node's flags and environment variables. */
export interface ImageSettings {
  readonly flags: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
}

/** Reads them from an image's Dockerfile, so that a bench runs a program as its pod does. */
export function imageSettings(root: string, image: 'operator' | 'edge'): ImageSettings {
  const text = readFileSync(join(root, `images/${image}/Dockerfile`), 'utf8');
  const words = JSON.parse(/^ENTRYPOINT (\[.*\])$/m.exec(text)?.[1] ?? '[]') as string[];
  const variables = [...text.matchAll(/^ENV (\w+)=(\S+)$/gm)].map(([, name = '', value = '']) => [name, value]);
  return { flags: words.filter((word) => word.startsWith('--')), environment: Object.fromEntries(variables) };
}
