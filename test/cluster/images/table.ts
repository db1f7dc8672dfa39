/** One image of this repository, whose root is the build context of all of them. */
export interface ImageEntry {
  /** Path relative to the repository's root. */
  readonly dockerfile: string;
  /** Parts of `npm run build` that it copies. */
  readonly bundles: readonly string[];
  /** Of the first build with an empty cache, measured on two cores. */
  readonly usualSeconds: number;
}

/** The product's images and the demo source's; `usualSeconds` of a build on two cores. */
export const IMAGES = {
  operator: { dockerfile: 'images/operator/Dockerfile', bundles: ['operator'], usualSeconds: 3 },
  edge: { dockerfile: 'images/edge/Dockerfile', bundles: ['edge', 'page'], usualSeconds: 10 },
  transcoder: { dockerfile: 'images/transcoder/Dockerfile', bundles: ['transcoder'], usualSeconds: 60 },
  'demo-source': { dockerfile: 'test/demo-source/Dockerfile', bundles: [], usualSeconds: 60 },
} as const satisfies Record<string, ImageEntry>;

/** Key of {@link IMAGES}. */
export type ImageName = keyof typeof IMAGES;

/** All keys of {@link IMAGES}, in the order of the table. */
export const IMAGE_NAMES = Object.keys(IMAGES) as readonly ImageName[];

/** Full name, so that every engine and the kubelet mean the same image by it. */
export function imageReference(name: ImageName, contentHash: string): string {
  return `docker.io/sluice/${name}:${contentHash}`;
}

/** The parts that must be bundled before these images can be built, each once. */
export function bundlesOf(names: readonly ImageName[]): readonly string[] {
  return [...new Set(names.flatMap((name) => [...IMAGES[name].bundles]))];
}
