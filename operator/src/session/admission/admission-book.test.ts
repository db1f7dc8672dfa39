import { describe, expect, test } from '@jest/globals';
import type { StreamSession, StreamSessionStatus } from '@sluice/crds';
import fc from 'fast-check';
import { buildSession } from '../../channel/build/session.ts';
import { keyOf } from '../../runtime/client/client.ts';
import { channelFixture } from '../../testing/fixtures.ts';
import { AdmissionBook } from './admission-book.ts';
import { OWNER_ANNOTATION, ownerOf } from './owner.ts';

const RUNG = { name: '480p', height: 480, bitrateBps: 1_200_000, audioBitrateBps: 128_000 };

function session(name: string, namespace = 'tv', status: StreamSessionStatus = {}): StreamSession {
  const built = buildSession(channelFixture(), name, [RUNG]);
  const metadata = { ...built.metadata, namespace, uid: name, creationTimestamp: '2026-11-21T12:00:00Z' };
  return { ...built, metadata, status };
}

interface Scene {
  readonly book: AdmissionBook;
  /** Keys of the sessions that were told to go on, in order. */
  readonly admitted: string[];
  /** Owners by key of the session, where not the namespace. */
  readonly owners: Map<string, string>;
}

function scene(perOwner: number, total: number, withPods: readonly string[] = []): Scene {
  const admitted: string[] = [];
  const owners = new Map<string, string>();
  const book = new AdmissionBook(
    { perOwner, total },
    {
      ownerOf: ({ metadata }) => owners.get(keyOf(metadata)) ?? String(metadata.namespace),
      hasPods: (key) => withPods.includes(key),
      onAdmitted: (key) => admitted.push(key),
    },
  );
  return { book, admitted, owners };
}

describe('the book of admissions', () => {
  test('answers ten that come at once one by one, and never gives a place twice', () => {
    const { book } = scene(5, 20);
    const sessions = Array.from({ length: 10 }, (_, index) => session(`film-${index}`));
    const verdicts = sessions.map((each) => {
      book.take(each);
      return book.verdict(each);
    });
    expect(verdicts.filter(({ admitted }) => admitted)).toHaveLength(5);
    expect(verdicts.at(-1)).toEqual({ admitted: false, scope: 'owner', owner: 'tv', limit: 5, current: 5 });
    expect(book.waiting.size).toBe(5);
    expect([...book.admittedByOwner()]).toEqual([['tv', 5]]);
  });

  test('wakes the next one when a session ends or is deleted', () => {
    const { book, admitted } = scene(1, 20);
    const [one, two, three] = ['film-1', 'film-2', 'film-3'].map((name) => session(name));
    for (const each of [one, two, three]) if (each !== undefined) book.take(each);
    expect(book.verdict(session('film-3')).admitted).toBe(false);
    book.take(session('film-1', 'tv', { phase: 'Failed' }));
    book.forget('film-2');
    expect(admitted).toEqual(['tv/film-1', 'tv/film-2', 'tv/film-3']);
  });

  test('lets nobody wait who is gone', () => {
    const { book } = scene(1, 20);
    const [one, two] = [session('film-1'), session('film-2')];
    book.take(one);
    book.take(two);
    expect(book.verdict(two).admitted).toBe(false);
    book.forget('film-2');
    expect([...book.waiting]).toEqual([]);
  });

  test('keeps what another operator has admitted, by its status or by its pod', () => {
    const { book, admitted } = scene(2, 20, ['tv/film-2']);
    const condition = {
      type: 'Admitted',
      reason: 'WithinLimits',
      message: '',
      lastTransitionTime: '2026-11-21T12:00:00Z',
    };
    book.take(session('film-0'));
    book.take(session('film-1', 'tv', { conditions: [{ ...condition, status: 'True' }] }));
    book.take(session('film-2'));
    expect(book.verdict(session('film-0'))).toMatchObject({ admitted: false, current: 2 });
    expect(admitted).toEqual([]);
  });

  test('frees nothing before somebody asks: the caches may still fill', () => {
    const { book, admitted } = scene(1, 20);
    book.take(session('film-1', 'tv', { attempt: 1 }));
    book.take(session('film-2'));
    book.forget('film-1');
    expect(admitted).toEqual([]);
  });

  test('counts a session for its new owner as soon as the annotation says so', () => {
    const { book, admitted, owners } = scene(1, 20);
    for (const name of ['film-1', 'film-2']) book.take(session(name));
    expect(book.verdict(session('film-2')).admitted).toBe(false);
    owners.set('tv/film-2', 'alice');
    book.take(session('film-2'));
    expect(admitted).toEqual(['tv/film-1', 'tv/film-2']);
  });

  test('never runs more than the limits allow, whatever comes, ends and asks', () => {
    const step = fc.record({
      name: fc.integer({ min: 0, max: 11 }),
      what: fc.constantFrom('come', 'ask', 'end', 'go'),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const { book, admitted } = scene(2, 5);
        const present = new Set<string>();
        for (const { name, what } of steps) {
          const each = session(`film-${name}`, ['a', 'b', 'c'][name % 3]);
          const key = keyOf(each.metadata);
          if (what === 'end') book.take({ ...each, status: { phase: 'Completed' } });
          if (what === 'go') book.forget(`film-${name}`);
          if (what === 'end' || what === 'go') present.delete(key);
          if (what === 'come') {
            book.take(each);
            present.add(key);
          }
          if (what === 'ask' && present.has(key)) book.verdict(each);
          if (what !== 'come' && what !== 'ask')
            admitted.splice(0, admitted.length, ...admitted.filter((known) => known !== key));
          const runs = [...new Set(admitted)];
          expect(runs.length).toBeLessThanOrEqual(5);
          for (const owner of ['a/', 'b/', 'c/']) {
            expect(runs.filter((known) => known.startsWith(owner)).length).toBeLessThanOrEqual(2);
          }
        }
      }),
      { numRuns: 60 },
    );
  });
});

describe('the owner of a session', () => {
  const named = (name: string) => ({ metadata: { annotations: { [OWNER_ANNOTATION]: name } } });

  test.each([
    ['its Channel names one', named('alice'), named('studio'), 'owner alice'],
    ['its namespace names one', { metadata: {} }, named('studio'), 'owner studio'],
    ['nobody names one', undefined, undefined, 'namespace tv'],
    ['the annotation is empty', named(' '), undefined, 'namespace tv'],
    ['the annotation has the name of the namespace', named('tv'), undefined, 'owner tv'],
  ])('where %s', (_when, channel, home, owner) => {
    expect(ownerOf('tv', channel, home)).toBe(owner);
  });
});
