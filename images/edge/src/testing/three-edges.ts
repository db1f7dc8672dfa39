import assert from 'node:assert/strict';
import type { Route } from '@sluice/common/link/route.ts';
import { TestEdge, urisOf } from './edge.ts';
import { testRoute } from './route.ts';

/** Number behind the newest segment of a playlist. */
export function endOf(text: string): number {
  return Number(/MEDIA-SEQUENCE:(\d+)/.exec(text)?.[1]) + urisOf(text).length;
}

/** Three edges on one clock, with one source: the first owns the channel, the others are its successors in their order. */
export class ThreeEdges {
  readonly owner: TestEdge;
  readonly other: TestEdge;
  readonly third: TestEdge;
  /** All of them. */
  readonly edges: readonly TestEdge[];
  readonly #usual: Partial<Route>;

  private constructor(owner: TestEdge, other: TestEdge, third: TestEdge, usual: Partial<Route>) {
    this.owner = owner;
    this.other = other;
    this.third = third;
    this.edges = [owner, other, third];
    this.#usual = usual;
  }

  /** @param usual what all routes of the channel have */
  static async open(usual: Partial<Route>): Promise<ThreeEdges> {
    const owner = await TestEdge.open();
    return new ThreeEdges(owner, await owner.another('edge-2'), await owner.another('edge-3'), usual);
  }

  /** A route of the channel. */
  route(change: Partial<Route> = {}): Route {
    const owners = this.edges.map((edge) => edge.owner);
    return testRoute(this.owner.source.url, { owners, ...this.#usual, ...change });
  }

  /** Gives all edges a route. */
  apply(change: Partial<Route> = {}): void {
    for (const edge of this.edges) edge.media.apply(this.route(change));
  }

  /** The playlist of each edge, asked for one after the other. */
  async texts(rung = 'source'): Promise<readonly string[]> {
    const found: string[] = [];
    for (const edge of this.edges) found.push(await edge.playlist(rung));
    return found;
  }

  /** The playlist that all have. @throws AssertionError where one has another */
  async same(rung = 'source'): Promise<string> {
    const [text = '', ...others] = await this.texts(rung);
    for (const one of others) assert.equal(one, text);
    return text;
  }

  /** Polls an edge for so long. @returns when each end of its playlist was listed first, in ms of the clock */
  async watch(edge: TestEdge, milliseconds: number, stepMs: number): Promise<Map<number, number>> {
    const listed = new Map<number, number>();
    for (let passed = 0; passed < milliseconds; passed += stepMs) {
      const end = endOf(await edge.playlist());
      if (!listed.has(end)) listed.set(end, edge.clock.now());
      await edge.clock.advance(stepMs);
    }
    return listed;
  }

  async close(): Promise<void> {
    for (const edge of this.edges.toReversed()) await edge.close();
  }
}
