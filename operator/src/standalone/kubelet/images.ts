import { SluiceError } from '@sluice/common/errors/error.ts';
import type { Container } from '../api/shapes.ts';

/** A place in a container and the folder or file of this machine that stands for it. */
export interface PathMapping {
  /** Absolute path as manifests and images write it, without a slash at its end. */
  readonly inside: string;
  readonly outside: string;
}

/** What stands on this machine for a container image. */
export interface LocalImage {
  readonly entrypoint: readonly string[];
  /** Programs by the name that commands call them: the words that really start them. */
  readonly programs: Readonly<Record<string, readonly string[]>>;
  /** The image's own variables; a manifest's of the same name replace them. */
  readonly environment: Readonly<Record<string, string>>;
  /** The image's own files. */
  readonly files: readonly PathMapping[];
  readonly stopSignal: 'SIGTERM' | 'SIGQUIT';
}

/** Local images by the last part of their repository: `docker.io/sluice/edge:0.1.0` is `edge`. */
export type LocalImages = Readonly<Record<string, LocalImage>>;

/** The image that a reference names. @throws SluiceError IMAGE_UNKNOWN */
export function imageOf(reference: string, images: LocalImages): LocalImage {
  const [withoutDigest = ''] = reference.split('@');
  const name = (withoutDigest.split('/').at(-1) ?? '').split(':')[0] ?? '';
  const image = Object.hasOwn(images, name) ? images[name] : undefined;
  if (image !== undefined) return image;
  const message = `no program of this machine stands for image ${reference}; known: ${Object.keys(images).join(', ')}`;
  throw new SluiceError(message, { code: 'IMAGE_UNKNOWN', retryable: false });
}

/** The words of a container as the manifest means them: `command` replaces the image's entrypoint, `args` follow it. */
export function commandOf({ command, args }: Container, image: LocalImage): readonly string[] {
  return [...(command.length > 0 ? command : image.entrypoint), ...args];
}

/**
 * A command as it runs here: paths get their local places, and the first word its local program, which lies where it
 * lies whatever the pod mounts.
 */
export function localCommand(
  command: readonly string[],
  image: LocalImage,
  mappings: readonly PathMapping[],
): readonly string[] {
  const [first = '', ...rest] = command.map((word) => mapPath(word, mappings));
  const program = Object.hasOwn(image.programs, first) ? image.programs[first] : undefined;
  return [...(program ?? [first]), ...rest];
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
