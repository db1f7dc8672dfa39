import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { PODS, SECRETS } from './kinds.testing.ts';
import { ADDRESS, MAIN, stageOfEachTest } from './kubelet-stage.testing.ts';

const stage = stageOfEachTest();

describe('a pod', () => {
  test('runs the local program of its image with its own address, folders and variables', async () => {
    stage().store.create(
      SECRETS,
      { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'token', namespace: 'tv' }, data: { token: 'YWJj' } },
      'test',
    );
    stage().create({
      containers: [
        {
          ...MAIN,
          args: ['--dir', '/data/deep'],
          env: [
            { name: 'FILE', value: '/etc/token/token' },
            { name: 'IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
            { name: 'SLUICE_BIND_ADDRESS', value: '::' },
          ],
          volumeMounts: [
            { name: 'data', mountPath: '/data' },
            { name: 'token', mountPath: '/etc/token' },
            { name: 'tmp', mountPath: '/tmp' },
          ],
        },
      ],
      volumes: [
        { name: 'data', emptyDir: {} },
        { name: 'tmp', emptyDir: {} },
        { name: 'token', secret: { secretName: 'token' } },
      ],
    });
    const volumes = join(stage().folder, stage().read().metadata.uid, 'volumes');
    await stage().started(`run /bundles/main.js --dir ${volumes}/data/deep`);
    expect(stage().machine.processes[0]?.start.environment).toEqual({
      PATH: '/bin',
      FROM: 'image',
      TMPDIR: `${volumes}/tmp`,
      FILE: `${volumes}/token/token`,
      IP: ADDRESS,
      SLUICE_BIND_ADDRESS: ADDRESS,
    });
    expect(readFileSync(`${volumes}/token/token`, 'utf8')).toBe('abc');
    expect(statSync(`${volumes}/token`).mode & 0o077).toBe(0);
    await stage().stateIs({ running: {} });
    expect(stage().read().status).toMatchObject({
      phase: 'Running',
      podIP: ADDRESS,
      containerStatuses: [{ name: 'main', ready: true, restartCount: 0, containerID: 'local://100' }],
    });
    expect(stage().read().metadata.annotations).toEqual({ 'sluice.dev/local-folder': volumes });
  });

  test('that wants a GPU is never started, and says so as a scheduler does', async () => {
    stage().create({ containers: [{ ...MAIN, resources: { limits: { 'nvidia.com/gpu': 1 } } }] });
    await stage().until('a status', () => stage().read().status !== undefined);
    const message = '0/1 nodes are available: 1 Insufficient nvidia.com/gpu.';
    expect(stage().read().status).toMatchObject({
      phase: 'Pending',
      conditions: [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message }, {}],
    });
    stage().store.delete(PODS, 'tv', 'film-1');
    await stage().until('the end', () => stage().store.list(PODS).length === 0);
    expect(stage().machine.processes).toEqual([]);
  });

  test('waits for its Secret', async () => {
    stage().create({ containers: [MAIN], volumes: [{ name: 'keys', secret: { secretName: 'keys' } }] });
    await stage().stateIs({ waiting: { reason: 'ContainerCreating', message: 'Secret tv/keys does not exist' } });
    stage().store.create(
      SECRETS,
      { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'keys', namespace: 'tv' } },
      'test',
    );
    stage().clock.advance(500);
    await stage().started('run /bundles/main.js');
  });

  test('finds in its files what a Secret holds now', async () => {
    const metadata = { name: 'keys', namespace: 'tv' };
    const secret = { apiVersion: 'v1', kind: 'Secret', metadata };
    stage().store.create(SECRETS, { ...secret, data: { old: 'YWJj', both: 'YWJj' } }, 'test');
    stage().create({ containers: [MAIN], volumes: [{ name: 'keys', secret: { secretName: 'keys' } }] });
    await stage().started('run /bundles/main.js');
    stage().store.update(SECRETS, 'tv', 'keys', (object) => {
      object.data = { both: 'ZGVm', new: 'Z2hp' };
    });
    const path = join(stage().folder, stage().read().metadata.uid, 'volumes/keys');
    await stage().until('the new files', () => readdirSync(path).join() === 'both,new');
    expect(['both', 'new'].map((file) => readFileSync(join(path, file), 'utf8'))).toEqual(['def', 'ghi']);
    rmSync(path, { recursive: true });
    writeFileSync(path, 'no folder');
    stage().store.update(SECRETS, 'tv', 'keys', (object) => {
      object.data = {};
    });
    const complaint = /^film-1\/ Secret keys has changed, and its files cannot be written: .*ENOTDIR/;
    await stage().until('a complaint', () => stage().printed.some((line) => complaint.test(line)));
  });

  test.each([
    [
      'an image that has no local program',
      { ...MAIN, image: 'redis:7' },
      '',
      'no program of this machine stands for image redis:7',
    ],
    ['a program that is not installed', MAIN, 'run', 'run is not installed'],
  ])('says in its status what is wrong with %s, and tries again', async (_, container, missing, message) => {
    stage().machine.missing = missing;
    stage().create({ containers: [container] });
    await stage().until('the message', () => JSON.stringify(stage().read().status ?? {}).includes(message));
    expect(stage().read().status.phase).toBe('Pending');
    stage().machine.missing = '';
    stage().clock.advance(10_000);
    if (missing !== '') await stage().started('run /bundles/main.js');
  });

  test('is restarted at once, then with back-off, and counts it', async () => {
    stage().create({ containers: [MAIN] });
    await stage().started('run /bundles/main.js');
    stage().machine.process('run /bundles/main.js').exit(1);
    await stage().started('run /bundles/main.js', 2);
    stage().machine.process('run /bundles/main.js').exit(2);
    await stage().stateIs({ waiting: { reason: 'CrashLoopBackOff', message: 'ended with 2; next start in 10 s' } });
    stage().clock.advance(9_999);
    expect(stage().machine.processes).toHaveLength(2);
    stage().clock.advance(1);
    await stage().started('run /bundles/main.js', 3);
    await stage().until('the count', () => stage().read().status.containerStatuses[0]?.restartCount === 2);
    expect(stage().read().status.containerStatuses[0]).toMatchObject({ lastState: { terminated: { exitCode: 2 } } });
    stage().clock.advance(600_000); // ten minutes of running make up for what was before
    stage().machine.process('run /bundles/main.js').exit(3);
    await stage().started('run /bundles/main.js', 4);
  });

  test('that never restarts tells how it ended, with the end of its log', async () => {
    stage().create({
      restartPolicy: 'Never',
      containers: [{ ...MAIN, terminationMessagePolicy: 'FallbackToLogsOnError' }],
    });
    await stage().started('run /bundles/main.js');
    stage().machine.processes[0]?.start.onLine('no encoder works');
    stage().machine.processes[0]?.exit(1);
    await stage().stateIs({ terminated: { exitCode: 1, reason: 'Error', message: 'no encoder works' } });
    expect(stage().read().status.phase).toBe('Failed');
    const log = (container: string) => stage().kubelet.log(stage().store.get(PODS, 'tv', 'film-1'), container);
    expect([log('main'), log(''), log('other')]).toEqual(['no encoder works\n', 'no encoder works\n', null]);
    expect(stage().kubelet.log({ metadata: { uid: 'other' } }, 'main')).toBeNull();
    expect(stage().printed).toContain('film-1/main no encoder works');
  });

  test('is ready as long as it answers', async () => {
    const readinessProbe = { httpGet: { path: '/readyz', port: 'http' }, periodSeconds: 1, failureThreshold: 1 };
    stage().create({ containers: [{ ...MAIN, ports: [{ name: 'http', containerPort: 80 }], readinessProbe }] });
    await stage().started('run /bundles/main.js');
    const isReady = async (expected: boolean) =>
      stage().until(`ready: ${expected}`, () => {
        stage().clock.advance(1000);
        return stage().read().status.containerStatuses[0]?.ready === expected;
      });
    await isReady(false);
    stage().machine.healthy.add(`http://${ADDRESS}:80/readyz`);
    await isReady(true);
    stage().machine.healthy.clear();
    await isReady(false);
  });

  test('is stopped when its liveness probe fails, and started again', async () => {
    const probe = { httpGet: { path: '/livez', port: 'http' }, periodSeconds: 1, failureThreshold: 2 };
    stage().create({ containers: [{ ...MAIN, ports: [{ name: 'http', containerPort: 80 }], livenessProbe: probe }] });
    await stage().started('run /bundles/main.js');
    const first = stage().machine.process('run /bundles/main.js');
    await stage().until('a stop', () => {
      stage().clock.advance(1000);
      return first.signals.length > 0;
    });
    expect(first.signals).toEqual(['SIGQUIT']);
    expect(stage().printed).toContain('film-1/main liveness probe failed, the container is stopped');
    first.exit(0);
    await stage().started('run /bundles/main.js', 2);
  });
});
