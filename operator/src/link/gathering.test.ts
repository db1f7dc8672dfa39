import { expect, test } from '@jest/globals';
import { Gathering } from './gathering.ts';

test('what is written in one turn of the event loop goes out together, and what comes later by itself', async () => {
  const calls: string[] = [];
  const gathering = new Gathering({ cork: () => calls.push('cork'), uncork: () => calls.push('uncork') });
  for (const word of ['one', 'two']) {
    gathering.begin();
    calls.push(word);
  }
  await new Promise(setImmediate);
  gathering.begin();
  await new Promise(setImmediate);
  expect(calls).toEqual(['cork', 'one', 'two', 'uncork', 'cork', 'uncork']);
});
