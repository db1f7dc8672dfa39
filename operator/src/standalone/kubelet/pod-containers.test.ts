import { describe, expect, test } from '@jest/globals';
import type { JsonObject } from '../../runtime/memory/fields.ts';
import { ADDRESS, stageOfEachTest } from './kubelet-stage.testing.ts';

const stage = stageOfEachTest();

describe('the containers of a pod', () => {
  const named = (name: string, more: JsonObject = {}) => ({ name, image: 'film', command: [name], ...more });
  const sidecar = (name: string, more: JsonObject = {}) => named(name, { restartPolicy: 'Always', ...more });
  const phaseIs = (phase: string) => stage().until(phase, () => stage().read().status?.phase === phase);

  test('start in order: sidecars one after the other, main ones together', async () => {
    stage().create({ initContainers: [sidecar('one'), sidecar('two')], containers: [named('main'), named('other')] });
    await stage().started('other');
    expect(stage().machine.commands).toEqual(['one', 'two', 'main', 'other']);
    await phaseIs('Running');
  });

  test('wait for the startup probe of a sidecar, not for its end; a second start holds up nobody', async () => {
    const startupProbe = { httpGet: { port: 80 }, periodSeconds: 1, failureThreshold: 60 };
    stage().create({ initContainers: [sidecar('sidecar', { startupProbe })], containers: [named('main')] });
    await stage().started('sidecar');
    await stage().until('a second question', () => {
      stage().clock.advance(1000);
      return stage().clock.now() >= 5000;
    });
    expect(stage().machine.commands).toEqual(['sidecar']);
    stage().machine.healthy.add(`http://${ADDRESS}:80/`);
    await stage().until('the work', () => {
      stage().clock.advance(1000);
      return stage().machine.commands.includes('main');
    });
    stage().machine.healthy.clear();
    stage().machine.process('sidecar').exit(1);
    stage().machine.process('main').exit(1);
    await stage().started('sidecar', 2);
    await stage().started('main', 2);
  });

  test.each<[string, string, number, number, string]>([
    ['Always', 'starts again what has succeeded', 0, 2, 'Running'],
    ['OnFailure', 'starts again what has failed', 3, 2, 'Running'],
    ['OnFailure', 'lets be what has succeeded', 0, 1, 'Succeeded'],
    ['Never', 'lets be what has failed', 137, 1, 'Failed'],
  ])('of restart policy %s: %s', async (restartPolicy, _what, exitCode, starts, phase) => {
    stage().create({ restartPolicy, containers: [named('main')] });
    await stage().started('main');
    await phaseIs('Running');
    stage().machine.process('main').exit(exitCode);
    await stage().started('main', starts);
    await phaseIs(phase);
  });

  test('end with the work: sidecars restart whatever the policy until then, and stop in reverse order', async () => {
    stage().create({
      restartPolicy: 'Never',
      initContainers: [sidecar('first'), sidecar('second')],
      containers: [named('main')],
    });
    await stage().started('main');
    stage().machine.process('first').exit(0);
    await stage().started('first', 2);
    stage().machine.process('main').exit(0);
    const [first, second] = [stage().machine.process('first'), stage().machine.process('second')];
    await stage().until('the signal', () => second.signals.length === 1);
    expect(first.signals).toEqual([]);
    second.exit(0);
    await stage().until('the signal', () => first.signals.length === 1);
    first.exit(0);
    await phaseIs('Succeeded');
    expect(stage().machine.processes).toHaveLength(4);
  });
});
