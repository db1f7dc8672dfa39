import { readdirSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { PODS } from './kinds.testing.ts';
import { MAIN, stageOfEachTest } from './kubelet-stage.testing.ts';

const stage = stageOfEachTest();

describe('a deleted pod', () => {
  const HOOK = { preStop: { exec: { command: ['drain', '/app/x'] } } };
  const SIDECAR = { name: 'sidecar', image: 'film', command: ['sidecar'], restartPolicy: 'Always' };

  async function run(): Promise<void> {
    stage().create({ initContainers: [SIDECAR], containers: [{ ...MAIN, lifecycle: HOOK }] });
    await stage().started('run /bundles/main.js');
  }

  test('runs its hook, then gets its signal, then its sidecar; then nothing of it is left', async () => {
    await run();
    stage().store.delete(PODS, 'tv', 'film-1');
    await stage().started('drain /bundles/x');
    const [sidecar, main, hook] = stage().machine.processes;
    expect(main?.signals).toEqual([]);
    hook?.exit(0);
    await stage().until('the signal', () => main?.signals.length === 1);
    expect([main?.signals, sidecar?.signals]).toEqual([['SIGQUIT'], []]);
    main?.exit(0);
    await stage().until('the signal', () => sidecar?.signals.length === 1);
    sidecar?.exit(0);
    await stage().until('the end', () => stage().store.list(PODS).length === 0);
    expect(readdirSync(stage().folder)).toEqual([]);
    expect(stage().machine.processes).toHaveLength(3);
  });

  test('is killed at the end of its grace period', async () => {
    await run();
    stage().store.delete(PODS, 'tv', 'film-1');
    await stage().started('drain /bundles/x');
    stage().clock.advance(30_000);
    await stage().until('the end', () => stage().store.list(PODS).length === 0);
    expect(stage().machine.processes.map(({ signals }) => signals.at(-1))).toEqual(['SIGKILL', 'SIGKILL', 'SIGKILL']);
    expect(stage().machine.processes).toHaveLength(3);
  });

  test('takes its hook along when it ends before it', async () => {
    await run();
    stage().store.delete(PODS, 'tv', 'film-1');
    await stage().started('drain /bundles/x');
    stage().machine.process('run /bundles/main.js').exit(1);
    await stage().until('the end of the hook', () =>
      stage().machine.process('drain /bundles/x').signals.includes('SIGKILL'),
    );
    stage().machine.process('sidecar').exit(0);
    await stage().until('the end', () => stage().store.list(PODS).length === 0);
  });

  test('is killed at once where nobody waits for it', async () => {
    await run();
    stage().store.delete(PODS, 'tv', 'film-1', { graceSeconds: 0 });
    await stage().until('the end', () => readdirSync(stage().folder).length === 0);
    expect(stage().machine.processes.map(({ signals }) => signals)).toEqual([['SIGKILL'], ['SIGKILL']]);
  });
});

test('at the end every container is signalled, without hooks, and killed after two seconds', async () => {
  stage().create({ containers: [{ ...MAIN, lifecycle: { preStop: { exec: { command: ['drain'] } } } }] }, 'one');
  stage().create({ containers: [{ ...MAIN, command: ['other'] }] }, 'two');
  await stage().started('other');
  await stage().started('run /bundles/main.js');
  const stopped = stage().kubelet.stop();
  await stage().until('the signals', () => stage().machine.processes.every(({ signals }) => signals.length === 1));
  stage().machine.process('other').exit(0);
  for (let round = 0; round < 5; round += 1) await new Promise(setImmediate); // nothing makes that time longer
  stage().clock.advance(2000);
  await stopped;
  expect(stage().machine.process('run /bundles/main.js').signals).toEqual(['SIGQUIT', 'SIGKILL']);
  expect(readdirSync(stage().folder)).toEqual([]);
});

test('at the end a container that is just being started has no more time than the others', async () => {
  const [asked, start] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  stage().machine.starting = () => {
    asked.resolve();
    return start.promise;
  };
  stage().create({ terminationGracePeriodSeconds: 60, containers: [MAIN] });
  await asked.promise;
  const stopped = stage().kubelet.stop();
  for (let round = 0; round < 5; round += 1) await new Promise(setImmediate); // nothing makes that time longer
  start.resolve();
  await stage().started('run /bundles/main.js');
  await stage().until('the signal', () => stage().machine.process('run /bundles/main.js').signals.length === 1);
  stage().clock.advance(2000);
  await stopped;
  expect(stage().machine.process('run /bundles/main.js').signals).toEqual(['SIGQUIT', 'SIGKILL']);
});
