/** A place in a container and the folder or file of this machine that stands for it. */
export interface PathMapping {
  /** Absolute path as manifests and images write it, without a slash at its end. */
  readonly inside: string;
  readonly outside: string;
}

/**
 * Local processes share one file system: a value that is a path below a mounted volume, or below a folder of the
 * image, is replaced by the path that it really has. The longest mapping wins, as with mounts. Any other text stays.
 */
export function mapPath(text: string, mappings: readonly PathMapping[]): string {
  let best: PathMapping | null = null;
  for (const mapping of mappings) {
    const fits = text === mapping.inside || text.startsWith(`${mapping.inside}/`);
    if (fits && mapping.inside.length > (best?.inside.length ?? 0)) best = mapping;
  }
  return best === null ? text : best.outside + text.slice(best.inside.length);
}
