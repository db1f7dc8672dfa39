/** Every image of this repository: its Dockerfile, and how long its first build takes (two cores, empty cache). */
export const IMAGES = {
  operator: { dockerfile: 'images/operator/Dockerfile', usualSeconds: 5 },
  edge: { dockerfile: 'images/edge/Dockerfile', usualSeconds: 30 },
  transcoder: { dockerfile: 'images/transcoder/Dockerfile', usualSeconds: 90 },
  'demo-source': { dockerfile: 'test/demo-source/Dockerfile', usualSeconds: 120 },
} as const satisfies Record<string, { dockerfile: string; usualSeconds: number }>;

export type ImageName = keyof typeof IMAGES;

export const IMAGE_NAMES = Object.keys(IMAGES) as readonly ImageName[];

/** Full name, so that every engine and the kubelet mean the same image by it. */
export function imageReference(name: ImageName, contentHash: string): string {
  return `docker.io/sluice/${name}:${contentHash}`;
}
