import { describe, expect, test } from '@jest/globals';
import { Pump } from './pump.ts';

/** A pump whose work ends when it is told to. */
function stage() {
  const works: PromiseWithResolvers<void>[] = [];
  const plans: { readonly ms: number; cancelled: boolean }[] = [];
  const after = (ms: number) => {
    const plan = { ms, cancelled: false };
    plans.push(plan);
    return () => {
      plan.cancelled = true;
    };
  };
  const pump: Pump = new Pump(
    { after },
    () => {
      const work = Promise.withResolvers<void>();
      works.push(work);
      return work.promise;
    },
    () => pump.run(),
  );
  const end = async (): Promise<void> => {
    works.at(-1)?.resolve();
    await pump.idle();
  };
  return { pump, works, plans, end };
}

describe('work', () => {
  test('is not done twice at the same time, and once more for all that has changed meanwhile', async () => {
    const { pump, works, end } = stage();
    for (let change = 0; change < 3; change += 1) pump.run();
    expect(works).toHaveLength(1);
    await end();
    expect(works).toHaveLength(2);
    await end();
    expect(works).toHaveLength(2);
  });

  test('is planned for one time only', () => {
    const { pump, plans } = stage();
    pump.plan(500);
    pump.plan(200);
    expect(plans).toEqual([
      { ms: 500, cancelled: true },
      { ms: 200, cancelled: false },
    ]);
    pump.cancel();
    expect(plans.every(({ cancelled }) => cancelled)).toBe(true);
  });
});
