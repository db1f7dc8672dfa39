import { describe, expect, test } from '@jest/globals';
import { OLD_AFTER_MS, SecondLook } from './second-look.ts';

function opened() {
  const clock = { now: () => time };
  let time = 0;
  const looks: ((news: boolean) => void)[] = [];
  const second = new SecondLook(clock, (ended) => {
    looks.push(ended);
    return () => undefined;
  });
  const publish = (...complete: readonly boolean[]): void => {
    for (const one of complete) second.published(one);
  };
  return { second, looks, publish, pass: (ms: number) => (time += ms) };
}

describe('another look at a source', () => {
  test('follows three segments in a row that lack a rendition, and no fewer', () => {
    const { looks, publish } = opened();
    publish(false, false, true, false, false);
    expect(looks).toHaveLength(0);
    publish(false, false);
    expect(looks).toHaveLength(1);
  });

  test('comes ever more rarely as long as it finds nothing', () => {
    const { looks, publish, pass } = opened();
    const lacking = Array<boolean>(3).fill(false);
    for (const pauseMs of [15_000, 30_000, 60_000]) {
      const before = looks.length;
      publish(...lacking);
      expect(looks).toHaveLength(before + 1);
      looks.at(-1)?.(false);
      pass(pauseMs - 1);
      publish(...lacking);
      expect(looks).toHaveLength(before + 1);
      pass(pauseMs + 1);
    }
    publish(...lacking);
    looks.at(-1)?.(true);
    pass(15_000);
    publish(...lacking);
    expect(looks).toHaveLength(5);
  });

  test('is had when nobody watches any more and what is known is old', () => {
    const { second, looks, pass } = opened();
    second.asleep(0);
    expect(looks).toHaveLength(0);
    pass(OLD_AFTER_MS);
    second.asleep(0);
    expect(looks).toHaveLength(1);
  });
});
