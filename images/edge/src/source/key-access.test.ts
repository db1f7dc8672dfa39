import { expect, test } from '@jest/globals';
import { keyObstacle } from './key-access.ts';
import { sourcePlaylist, sourceSegment } from './playlist.testing.ts';

const SOURCE = 'https://cdn/live/index.m3u8';

test.each<{ name: string; key?: string; headers?: Record<string, string>; exposeSource?: boolean; why: RegExp | null }>(
  [
    { name: 'a key at the source', why: null },
    { name: 'a key of a DRM system', key: 'skd://asset', headers: { Cookie: 'x' }, exposeSource: false, why: null },
    {
      name: 'a key at a server of its own',
      key: 'https://keys/1',
      headers: { Cookie: 'x' },
      exposeSource: false,
      why: null,
    },
    { name: 'a key at a source that needs headers', headers: { Cookie: 'x' }, why: /request headers/ },
    { name: 'a key at a source that is hidden', exposeSource: false, why: /exposeSource is false/ },
    { name: 'a key whose URL has a query', key: 'https://keys/1?token=x', why: /query/ },
    { name: 'a query that viewers may see', key: 'https://keys/1?token=x', exposeSource: true, why: null },
    { name: 'a password in its URL', key: 'https://u:p@keys/1', exposeSource: true, why: /password/ },
  ],
)('$name: $why', ({ key = 'https://cdn/live/key', headers = {}, exposeSource, why }) => {
  const keys = [{ method: 'AES-128', uri: key, tag: '' }];
  const one = sourceSegment({ msn: 1, uri: 'https://cdn/live/1.ts' });
  const route = {
    source: { uri: SOURCE, headers, facts: null },
    ...(exposeSource === undefined ? {} : { exposeSource }),
  };
  const encrypted = [{ keys }, { mapKeys: keys }, { beside: { 'source-audio-1': { ...one, keys } } }];
  for (const change of encrypted) {
    const obstacle = keyObstacle(route, sourcePlaylist([{ ...one, ...change }]));
    if (why === null) expect(obstacle).toBeNull();
    else expect(obstacle).toMatchObject({ code: 'SOURCE_UNSUPPORTED', message: expect.stringMatching(why) });
  }
});
