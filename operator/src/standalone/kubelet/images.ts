import { join } from 'node:path';
import { SluiceError } from '@sluice/common/errors/error.ts';
import type { StandaloneSettings } from '../settings.ts';

/** What stands on this machine for a container image. */
export interface LocalImage {
  readonly entrypoint: readonly string[];
  /** Programs by the name that commands call them: the words that really start them. */
  readonly programs: Readonly<Record<string, readonly string[]>>;
  /** The image's own variables; a manifest's of the same name replace them. */
  readonly environment: Readonly<Record<string, string>>;
  /** The image's own files and folders: absolute path in the image, and on this machine. */
  readonly files: Readonly<Record<string, string>>;
  readonly stopSignal: 'SIGTERM' | 'SIGQUIT';
}

/** Local images by the last part of their repository: `docker.io/sluice/edge:0.1.0` is `edge`. */
export type LocalImages = Readonly<Record<string, LocalImage>>;

/** The programs of Sluice's images on this machine. */
export function localImages({
  programs: { bundles, demoSource, film },
  allowedCidrs,
}: StandaloneSettings): LocalImages {
  // The workers of root's nginx would run as nobody, who may not read the checkout.
  const asRoot = process.getuid?.() === 0 ? ['-g', 'user root;'] : [];
  const image = (name: string, program: string, environment: Readonly<Record<string, string>>): LocalImage => ({
    entrypoint: ['node', `/app/${program}`],
    programs: { node: [process.execPath], nginx: ['nginx', ...asRoot] },
    environment: { NODE_ENV: 'production', ...environment },
    files: { '/app': join(bundles, name) },
    stopSignal: 'SIGTERM',
  });
  // One worker each: several edges share this machine with the encoder.
  const ofEdge = { SLUICE_NGINX_WORKERS: '1', SLUICE_ALLOWED_CIDRS: allowedCidrs.join(',') };
  return {
    edge: { ...image('edge', 'sidecar.js', ofEdge), stopSignal: 'SIGQUIT' },
    transcoder: image('transcoder', 'agent.js', {}),
    'demo-source': {
      entrypoint: ['bash', '/usr/local/bin/serve'],
      programs: {},
      environment: {
        SLUICE_RUN_DIRECTORY: '/run/demo-source',
        SLUICE_FILM: '/srv/film.mp4',
        SLUICE_NGINX_CONFIGURATION: '/etc/demo-source/nginx.conf',
      },
      files: {
        '/usr/local/bin/serve': join(demoSource, 'serve.sh'),
        '/etc/demo-source': demoSource,
        '/srv/film.mp4': film,
      },
      stopSignal: 'SIGTERM',
    },
  };
}

/** The image that a reference names. @throws SluiceError IMAGE_UNKNOWN */
export function imageOf(reference: string, images: LocalImages): LocalImage {
  const name = reference.replace(/@.*/, '').replace(/.*\//, '').replace(/:.*/, '');
  const image = Object.hasOwn(images, name) ? images[name] : undefined;
  if (image !== undefined) return image;
  const message = `no program of this machine stands for image ${reference}; known: ${Object.keys(images).join(', ')}`;
  throw new SluiceError(message, { code: 'IMAGE_UNKNOWN', retryable: false });
}
