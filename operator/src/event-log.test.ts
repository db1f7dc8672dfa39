import { expect, jest, test } from '@jest/globals';
import { modeChanged, sourceUnreachable } from './channel/events.ts';
import { withLog } from './event-log.ts';
import type { EventRecorder } from './runtime/events/recorder.ts';
import { limitExceeded } from './session/events.ts';
import { channelFixture } from './testing/fixtures.ts';

test('every event stands in the log under the key of its Channel, is counted there, and is told as before', () => {
  const recorder = { record: jest.fn(), flush: async () => {}, dropped: 2 } as unknown as EventRecorder;
  const lines: unknown[] = [];
  const at = (level: string) => (fields: object, message: string) => lines.push([level, fields, message]);
  const log = { info: at('info'), warn: at('warn'), debug: at('debug') };
  const counted: string[] = [];
  const logged = withLog(recorder, log as unknown as Parameters<typeof withLog>[1], (reason) => counted.push(reason));
  const channel = channelFixture();
  logged.record(channel, modeChanged('Idle', 'Direct', '1 viewer'));
  logged.record(channel, sourceUnreachable('http://source', 'no route'));
  logged.record({ ...channel, kind: 'StreamSession' }, limitExceeded('film', 'five run'));
  expect(lines).toEqual([
    ['info', { channel: 'tv/film', event: 'ModeChanged' }, 'Idle to Direct: 1 viewer'],
    ['warn', { channel: 'tv/film', event: 'SourceUnreachable' }, 'http://source: no route'],
    ['debug', { session: 'tv/film', event: 'LimitExceeded' }, 'StreamSession film waits: five run'],
  ]);
  expect(counted).toEqual(['ModeChanged', 'SourceUnreachable']);
  expect(recorder.record).toHaveBeenCalledTimes(3);
  expect(logged.dropped).toBe(2);
});
