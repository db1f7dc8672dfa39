import { beforeEach, describe, expect, test } from '@jest/globals';
import type { Route } from '@sluice/common/link/route.ts';
import { routeOf } from '../testing/channels.ts';
import { WORTH_A_FILE } from './popularity.ts';
import { PublishedPlaylists } from './published.ts';

describe('playlists that nginx sends', () => {
  const film = routeOf();
  let files: [name: string, text: string | null][];
  let listed: Map<string, { text: string; maxAgeSeconds: number }>;
  let published: PublishedPlaylists;

  const list = (name: string, text: string): unknown => listed.set(name, { text, maxAgeSeconds: 1 });
  const ask = (count: number, rung = 'source', route: Route = film): void => published.requested(route, rung, count);

  beforeEach(() => {
    files = [];
    listed = new Map();
    list('default/film/source', 'one');
    published = new PublishedPlaylists(
      { put: (name, text) => void files.push([name, text]) },
      { listed: (key, rung) => listed.get(`${key}/${rung}`) ?? null },
    );
  });

  test('become files when many have asked, and follow each change', () => {
    ask(WORTH_A_FILE - 1);
    expect(files).toEqual([]);
    ask(1);
    list('default/film/source', 'two');
    ask(WORTH_A_FILE);
    list('default/film/source', 'three');
    published.renew(film);
    published.renewAll();
    expect(files).toEqual(['one', 'two', 'three'].map((text) => ['default/film/source', text]));
    expect(published.hasFiles(film.uid)).toBe(true);
  });

  test('end with the change after which nobody asks any more', () => {
    ask(WORTH_A_FILE);
    list('default/film/source', 'two');
    published.renew(film);
    list('default/film/source', 'three');
    published.renew(film);
    expect(files.slice(1)).toEqual([
      ['default/film/source', 'two'],
      ['default/film/source', null],
    ]);
    expect(published.hasFiles(film.uid)).toBe(false);
  });

  test('end when there is nothing that could be sent at once', () => {
    ask(WORTH_A_FILE);
    listed.clear();
    published.renewAll();
    expect(files.at(-1)).toEqual(['default/film/source', null]);
    ask(WORTH_A_FILE);
    expect(files).toHaveLength(2);
  });

  test('are those of a rendition that is asked for', () => {
    list('default/film/720p', 'other');
    ask(WORTH_A_FILE);
    ask(WORTH_A_FILE - 1, '720p');
    published.renewAll();
    expect(files.map(([name]) => name)).toEqual(['default/film/source']);
  });

  test('end with their channel', () => {
    list('default/film/720p', 'other');
    for (const rung of ['source', '720p']) ask(WORTH_A_FILE, rung);
    published.forget(film);
    expect(files.slice(2).map(([name, text]) => [name, text])).toEqual([
      ['default/film/source', null],
      ['default/film/720p', null],
    ]);
    expect(published.hasFiles(film.uid)).toBe(false);
  });

  const ofTheSidecar: readonly Partial<Route>[] = [{ maxViewers: 100 }, { identity: 'HeartbeatOnly' }];
  test.each(ofTheSidecar)('are none where the sidecar has to see each request: %j', (change) => {
    ask(1000, 'source', routeOf(change));
    expect(files).toEqual([]);
    ask(WORTH_A_FILE);
    published.renew(routeOf(change));
    expect(files.at(-1)).toEqual(['default/film/source', null]);
  });
});
