/** Calls under way at a time: what the operator's client has, too. */
export const PARALLEL_CALLS = 16;

/** Runs all tasks, {@link PARALLEL_CALLS} at a time, begun in their order; rejects with the first error. */
export async function inParallel(tasks: Iterable<() => Promise<unknown>>): Promise<void> {
  const iterator = tasks[Symbol.iterator]();
  const work = async (): Promise<void> => {
    for (let next = iterator.next(); next.done !== true; next = iterator.next()) await next.value();
  };
  await Promise.all(Array.from({ length: PARALLEL_CALLS }, work));
}
