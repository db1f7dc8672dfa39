import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { routeOf } from '../testing/channels.ts';
import { silentLog } from '../testing/operator.ts';
import { RouteKeeper, readStoredRoutes, writeStoredRoutes } from './stored-routes.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'routes-'));
});
afterEach(() => rm(directory, { recursive: true }));

describe('stored routes', () => {
  test('come back as they were, with nobody else able to read them', async () => {
    await writeStoredRoutes(directory, [routeOf(), routeOf({ name: 'news', uid: 'uid-news', exposeSource: true })]);
    expect(await readStoredRoutes(directory)).toEqual([
      routeOf(),
      routeOf({ name: 'news', uid: 'uid-news', exposeSource: true }),
    ]);
    expect(((await stat(join(directory, 'routes.json'))).mode & 0o777).toString(8)).toBe('600');
    expect(await readdir(directory)).toEqual(['routes.json']);
  });

  test('are null before the first time', async () => {
    expect(await readStoredRoutes(directory)).toBeNull();
  });

  test.each([
    ['cut', '{"version":1,"rou'],
    ['of another version', '{"version":2,"routes":[]}'],
    ['incomplete', '{"version":1,"routes":[{"name":"film"}]}'],
  ])('are refused when the file is %s', async (_how, text) => {
    await writeFile(join(directory, 'routes.json'), text);
    await expect(readStoredRoutes(directory)).rejects.toMatchObject({ code: 'ROUTES_UNREADABLE' });
  });

  test('are written in the end, however they changed before', async () => {
    let routes = [routeOf()];
    const keeper = new RouteKeeper(directory, () => routes, silentLog);
    keeper.schedule();
    routes = [];
    keeper.schedule();
    await keeper.close();
    expect(await readStoredRoutes(directory)).toEqual([]);
  });

  test('that cannot be written end nothing', async () => {
    const keeper = new RouteKeeper(join(directory, 'missing'), () => [routeOf()], silentLog);
    keeper.schedule();
    await expect(keeper.close()).resolves.toBeUndefined();
  });
});
