import { expect, test } from '@jest/globals';
import type { SourceClient } from './client.ts';
import { sourcePlaylist, sourceSegment } from './playlist.testing.ts';
import { probeRenditions } from './probe-renditions.ts';
import type { Candidate, RenditionChoice } from './renditions.ts';

/** A source that never answers. */
const silent: SourceClient = {
  read: ({ signal }) =>
    new Promise((_, reject) => {
      if (signal.aborted) reject(signal.reason);
      signal.addEventListener('abort', () => reject(signal.reason));
    }),
  close: async () => {},
};

test('renditions that are not seen in time are left out, and the source is played without them', async () => {
  const segment = sourceSegment({ msn: 1, uri: 'http://host/1.ts' });
  const candidates = ['en', 'de'].map((language) => ({
    uri: `http://host/${language}.m3u8`,
    rendition: { name: `source-${language}`, kind: 'Audio', label: language, language },
  }));
  const choice = { candidates: candidates as Candidate[], leftOut: [], within: [], needsAudio: false };
  const tooLate = new AbortController();
  const found = probeRenditions(
    choice as unknown as RenditionChoice,
    {
      client: silent,
      bounds: { headers: { origin: '', values: {} }, timeoutMs: 1_000, signal: new AbortController().signal },
      maxBytes: 1,
      origin: 'http://page',
      playlist: sourcePlaylist([segment]),
      segment,
      start: null,
      hasAudio: true,
      variables: new Map(),
    },
    tooLate.signal,
  );
  tooLate.abort();
  const { renditions, leftOut } = await found;
  expect(renditions).toEqual([]);
  expect(leftOut.match(/within a minute/g)).toHaveLength(2);
});
