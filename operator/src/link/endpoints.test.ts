import { describe, expect, test } from '@jest/globals';
import { reportFixture } from '../testing/fixtures.ts';
import { backOffSeconds } from './back-off.ts';
import { type EndpointSlice, edgesOf, endpointSliceSchema } from './endpoints.ts';
import { OwnerReports } from './reports.ts';

function slice(name: string, ...endpoints: object[]): EndpointSlice {
  const ports = [
    { name: 'internal', port: 8081 },
    { name: 'link', port: 8443 },
  ];
  return endpointSliceSchema.parse({ metadata: { name, namespace: 'sluice' }, ports, endpoints });
}

function endpoint(uid: string, address: string, ready?: boolean): object {
  const targetRef = { kind: 'Pod', name: `edge-${uid}`, uid };
  return { addresses: [address], targetRef, ...(ready === undefined ? {} : { conditions: { ready } }) };
}

describe('the edges behind a Service', () => {
  test('are its pods, ready or not, by name', () => {
    const edges = edgesOf([slice('one', endpoint('b', '10.0.0.2', false), endpoint('a', '10.0.0.1'))]);
    expect(edges.map(({ podUid, ready, linkAddress }) => [podUid, ready, linkAddress])).toEqual([
      ['a', true, '10.0.0.1:8443'],
      ['b', false, '10.0.0.2:8443'],
    ]);
  });

  test('are counted once when a pod stands in two slices', () => {
    const edges = edgesOf([
      slice('two', endpoint('a', 'fd00::1', true)),
      slice('one', endpoint('a', '10.0.0.1', false)),
    ]);
    expect(edges).toHaveLength(1);
    expect(edges[0]).toMatchObject({ ready: true, internalAddress: '[fd00::1]:8081' });
  });

  test('leave out endpoints without a pod and slices without our ports', () => {
    const empty = endpointSliceSchema.parse({ metadata: { name: 'x', namespace: 'y' }, ports: null, endpoints: null });
    expect(edgesOf([empty, slice('one', { addresses: ['10.0.0.1'] })])).toEqual([]);
  });
});

describe('the wait before an edge is dialled again', () => {
  test('grows from tenths of a second to ten seconds, spread over the whole range', () => {
    expect(backOffSeconds(0, 0)).toBeCloseTo(0.1);
    expect(backOffSeconds(0, 1)).toBeCloseTo(0.2);
    expect(backOffSeconds(3, 1)).toBeCloseTo(1.6);
    expect(backOffSeconds(1_000, 1)).toBe(10);
    expect(backOffSeconds(1_000, 0)).toBeCloseTo(0.1);
  });
});

describe('the reports of owners', () => {
  test('are not taken from an owner that has been replaced', () => {
    const reports = new OwnerReports();
    expect(reports.take('b', reportFixture({ ownerTerm: 2, lastMsn: 20 }))).toBe('change');
    expect(reports.take('a', reportFixture({ ownerTerm: 1, lastMsn: 10 }))).toBe('refused');
    expect(reports.of('c1')?.lastMsn).toBe(20);
  });

  test('are forgotten with the pod of the owner', () => {
    const reports = new OwnerReports();
    reports.take('a', reportFixture());
    expect(reports.edgeGone('b')).toEqual([]);
    expect(reports.edgeGone('a')).toEqual(['c1']);
    expect(reports.of('c1')).toBeNull();
  });
});
