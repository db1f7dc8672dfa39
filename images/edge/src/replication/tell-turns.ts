import { ANSWER_TIMEOUT_MS } from './limits.ts';

/** Questions to one edge that are under way: each has a connection of its own, on which it waits for nothing but the answer. */
export const MAX_UNDER_WAY = 32;

interface Waiting {
  readonly begin: () => void;
  readonly fail: (error: unknown) => void;
}

/** One edge that is asked. */
class Asked {
  underWay = 0;
  /** How many questions have been answered so far. */
  answers = 0;
  readonly waiting: Waiting[] = [];
}

/**
 * Questions to other edges about owners: when an edge leaves or is lost, those of hundreds of channels come at once, and the
 * time that each has to be answered in must not pass while it waits for its turn. An edge that has answered nothing for as long
 * is gone: whoever waits for it is told at once.
 */
export class TellTurns {
  readonly #asked = new Map<string, Asked>();

  /**
   * Runs `ask` when it is the edge's turn, with a signal that ends it after 1.5 s.
   * @param key of the edge. Throws what `ask` throws, and that of another question to an edge that is gone
   */
  async run<T>(key: string, ask: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const asked = this.#asked.get(key) ?? new Asked();
    this.#asked.set(key, asked);
    if (asked.underWay >= MAX_UNDER_WAY) await turn(asked);
    else asked.underWay += 1;
    const before = asked.answers;
    try {
      const answer = await ask(AbortSignal.timeout(ANSWER_TIMEOUT_MS));
      asked.answers += 1;
      return answer;
    } catch (error) {
      if (asked.answers === before) for (const { fail } of asked.waiting.splice(0)) fail(error);
      throw error;
    } finally {
      this.#ended(key, asked);
    }
  }

  #ended(key: string, asked: Asked): void {
    const next = asked.waiting.shift();
    if (next !== undefined) next.begin();
    else asked.underWay -= 1;
    if (asked.underWay === 0) this.#asked.delete(key);
  }
}

/** Resolves with the turn of a question that has ended. */
function turn(asked: Asked): Promise<void> {
  return new Promise((begin, fail) => {
    asked.waiting.push({ begin, fail });
  });
}
