/**
 * How many ids each edge pod names, over all channels. What a process named that has served in the pod before
 * (`<pod uid>/<instance>`) counts with it: whoever starts again and again gets no more room by that.
 */
export class NamedIds {
  private readonly byPod = new Map<string, number>();

  /** @param change of the number of ids that an edge, or a former process of it, names */
  add(edge: string, change: number): void {
    const pod = podOf(edge);
    const ids = this.of(edge) + change;
    if (ids > 0) this.byPod.set(pod, ids);
    else this.byPod.delete(pod);
  }

  /** Ids of an edge's pod; one that is named for two channels counts twice. */
  of(edge: string): number {
    return this.byPod.get(podOf(edge)) ?? 0;
  }
}

function podOf(edge: string): string {
  const slash = edge.indexOf('/');
  return slash < 0 ? edge : edge.slice(0, slash);
}
