import { describe, expect, test } from '@jest/globals';
import { routeOf } from '../testing/channels.ts';
import { RouteTable } from './table.ts';

function create() {
  const table = new RouteTable();
  const heard: string[] = [];
  table.subscribe({
    applied: (route) => heard.push(`applied ${route.uid} ${route.generation}`),
    removed: (route) => heard.push(`removed ${route.uid}`),
  });
  return { table, heard };
}

describe('RouteTable', () => {
  test('finds routes by name and by uid', () => {
    const { table } = create();
    table.apply(routeOf());
    expect(table.byKey('default/film')?.uid).toBe('uid-film');
    expect(table.byUid('uid-film')?.name).toBe('film');
    expect(table.byKey('default/news')).toBeNull();
  });

  test('passes on only what changed', () => {
    const { table, heard } = create();
    table.apply(routeOf());
    table.apply(routeOf());
    table.apply(routeOf({ generation: 2 }));
    expect(heard).toEqual(['applied uid-film 1', 'applied uid-film 2']);
  });

  test('lets a recreated channel take over its name, whatever of the old one comes late', () => {
    const { table, heard } = create();
    table.apply(routeOf());
    table.apply(routeOf({ uid: 'uid-again' }));
    table.remove('uid-film');
    expect(heard).toEqual(['applied uid-film 1', 'applied uid-again 1', 'removed uid-film']);
    expect(table.byKey('default/film')?.uid).toBe('uid-again');
    expect(table.size).toBe(1);
  });

  test('keeps the owners of the highest term that anybody has named', () => {
    const { table } = create();
    table.apply(routeOf({ ownerTerm: 16 }));
    const owners = [{ podName: 'edge-1', podUid: 'other', address: '10.0.0.2:8081' }];
    table.supersede('uid-film', owners, 17);
    table.supersede('uid-film', [], 17);
    table.supersede('uid-none', owners, 17);
    table.apply(routeOf({ ownerTerm: 16, generation: 2 }));
    expect(table.byUid('uid-film')).toMatchObject({ generation: 2, owners, ownerTerm: 17 });
    table.apply(routeOf({ ownerTerm: 32 }));
    expect(table.byUid('uid-film')).toMatchObject({ ownerTerm: 32, owners: routeOf().owners });
    expect(table.byKey('default/film')).toBe(table.byUid('uid-film'));
  });

  test('becomes exactly what a snapshot says', () => {
    const { table, heard } = create();
    table.apply(routeOf());
    table.apply(routeOf({ name: 'news', uid: 'uid-news' }));
    heard.length = 0;
    table.replaceAll([routeOf({ name: 'news', uid: 'uid-news' }), routeOf({ name: 'sport', uid: 'uid-sport' })]);
    expect(heard).toEqual(['removed uid-film', 'applied uid-sport 1']);
    expect(table.all().map(({ name }) => name)).toEqual(['news', 'sport']);
  });
});
