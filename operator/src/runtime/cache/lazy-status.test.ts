import { describe, expect, test } from '@jest/globals';
import { WIDGET, type Widget } from '../testing/widget.ts';
import { withLazyStatus } from './lazy-status.ts';

const METADATA = { namespace: 'default', name: 'film', uid: 'a', resourceVersion: '1', generation: 1 };
const KNOWN: Widget = {
  apiVersion: 'example.com/v1',
  kind: 'Widget',
  metadata: { ...METADATA, labels: { colour: 'red' } },
  spec: { size: 1 },
  status: { ready: false },
};

/** The next version, with the status `{ready: true}` and what a test changes beside it. */
function next(metadata: object = {}, more: object = {}): object {
  const changed = { ...KNOWN.metadata, resourceVersion: '2', ...metadata };
  return { ...KNOWN, metadata: changed, status: { ready: true }, ...more };
}

describe('a new version of an object that is known', () => {
  let reads: unknown[];
  const kind = () => {
    reads = [];
    const parseStatus = (raw: unknown) => {
      reads.push(raw);
      return { ...(raw as object), isRead: true };
    };
    return { ...WIDGET, parseStatus };
  };

  test('is not read where only the status has changed, and its status once when somebody asks for it', () => {
    const object = withLazyStatus(kind(), KNOWN, next({ managedFields: [{}] }));
    expect(object?.metadata).toEqual({ ...KNOWN.metadata, resourceVersion: '2' });
    expect(object?.spec).toBe(KNOWN.spec);
    expect(reads).toEqual([]);
    expect(object?.status).toEqual({ ready: true, isRead: true });
    expect(object?.status).toBe(object?.status);
    expect(reads).toEqual([{ ready: true }]);
  });

  test('follows one whose status was never read', () => {
    const type = kind();
    const second = withLazyStatus(type, KNOWN, next());
    const third = second === null ? null : withLazyStatus(type, second, next({ resourceVersion: '3' }));
    expect(third?.metadata.resourceVersion).toBe('3');
    expect(reads).toEqual([]);
    expect({ ...third }).toMatchObject({ spec: KNOWN.spec, status: { ready: true } });
  });

  test('has no status where the server sends none', () => {
    const object = withLazyStatus(kind(), KNOWN, next({}, { status: undefined }));
    expect(object).toEqual({ ...KNOWN, metadata: { ...KNOWN.metadata, resourceVersion: '2' }, status: undefined });
  });

  test.each<[string, object]>([
    ['the spec', { generation: 2 }],
    ['a label', { labels: { colour: 'blue' } }],
    ['its labels, which are gone', { labels: undefined }],
    ['an annotation', { annotations: { note: 'x' } }],
    ['a finalizer', { finalizers: ['example.com/x'] }],
    ['an owner', { ownerReferences: [{ uid: 'b' }] }],
    ['its end, which has begun', { deletionTimestamp: '2026-01-01T00:00:00Z' }],
    ['its uid', { uid: 'b' }],
    ['its version, which cannot be read', { resourceVersion: 2 }],
  ])('is read as a whole where it differs in %s', (_what, metadata) => {
    expect(withLazyStatus(kind(), KNOWN, next(metadata))).toBeNull();
  });

  test('is read as a whole where the kind does not say how to read a status, or has no generations', () => {
    expect(withLazyStatus(WIDGET, KNOWN, next())).toBeNull();
    const { generation: _none, ...metadata } = KNOWN.metadata;
    const old = { ...KNOWN, metadata } as unknown as Widget;
    expect(withLazyStatus(kind(), old, next({ generation: undefined }))).toBeNull();
    expect(withLazyStatus(kind(), KNOWN, 'no object')).toBeNull();
  });
});
