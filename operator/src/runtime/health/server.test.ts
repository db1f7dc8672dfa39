import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Counter, Gauge, Registry } from 'prom-client';
import { type HealthServer, startHealthServer } from './server.ts';

const page = (path: string): unknown => (path === '/debug/queues' ? { depth: 3 } : undefined);

describe('the health server', () => {
  let server: HealthServer;
  let registry: Registry;
  let live: () => string | null;
  let ready: () => string | null;

  beforeEach(async () => {
    registry = new Registry();
    live = () => null;
    ready = () => 'the caches are not filled yet';
    server = await startHealthServer(0, { live: () => live(), ready: () => ready(), page }, registry);
  });

  afterEach(() => server.close());

  const ask = async (path: string, method = 'GET') => {
    const response = await fetch(`http://127.0.0.1:${server.port}${path}`, { method });
    return { status: response.status, body: await response.text() };
  };

  test('says that it lives before it is ready, and why it is not', async () => {
    expect(await ask('/livez')).toEqual({ status: 200, body: 'ok\n' });
    expect(await ask('/readyz?verbose')).toEqual({ status: 503, body: 'the caches are not filled yet\n' });
    ready = () => null;
    expect(await ask('/readyz')).toEqual({ status: 200, body: 'ok\n' });
  });

  test('takes a check that throws for a bad one, and goes on', async () => {
    live = () => {
      throw new Error('no idea');
    };
    expect(await ask('/livez')).toEqual({ status: 503, body: 'no idea\n' });
    expect((await ask('/readyz')).status).toBe(503);
  });

  test('gives the metrics', async () => {
    new Counter({ name: 'example_total', help: 'An example.', registers: [registry] }).inc(3);
    const answer = await ask('/metrics');
    expect([answer.status, answer.body.includes('example_total 3')]).toEqual([200, true]);
  });

  test('answers 500 when a metric cannot be read', async () => {
    const collect = (): never => {
      throw new Error('no idea');
    };
    new Gauge({ name: 'broken', help: 'A gauge that throws.', registers: [registry], collect });
    expect(await ask('/metrics')).toEqual({ status: 500, body: 'no idea\n' });
  });

  test.each([
    ['/', 'GET', 404],
    ['/livez', 'POST', 405],
    ['/livez', 'HEAD', 200],
  ])('%s by %s is %d', async (path, method, status) => {
    expect((await ask(path, method)).status).toBe(status);
  });

  test("shows the program's own pages as JSON", async () => {
    expect(await ask('/debug/queues')).toEqual({ status: 200, body: '{\n  "depth": 3\n}\n' });
    expect((await ask('/debug/nothing')).status).toBe(404);
  });

  test('refuses a port that is taken', async () => {
    const checks = { live: () => null, ready: () => null };
    await expect(startHealthServer(server.port, checks, registry)).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });
});
