import { join } from 'node:path';
import type { LocalImages } from '../kubelet/place.ts';

/** Where the programs that stand for Sluice's images lie. Absolute paths. */
export interface ProgramPaths {
  /** What `npm run build` makes: `edge/sidecar.js`, `edge/page/`, `transcoder/agent.js`. */
  readonly bundles: string;
  /** `test/demo-source` of the checkout: `serve.sh`, `nginx.conf`. */
  readonly demoSource: string;
  /** The encoded film that the demo source plays. */
  readonly film: string;
}

/** Tags of the images in manifests that are made here. */
export const LOCAL_TAG = 'local';

/**
 * The programs of Sluice's images on this machine: Node runs the bundles, nginx and FFmpeg are the system's.
 * @param node path of the Node that runs them
 * @param isRoot whether this process is root's: nginx's workers would run as nobody, who may not read the checkout
 */
export function localImages({ bundles, demoSource, film }: ProgramPaths, node: string, isRoot: boolean): LocalImages {
  const programs = { node: [node], nginx: ['nginx', ...(isRoot ? ['-g', 'user root;'] : [])] };
  const environment = { NODE_ENV: 'production' };
  return {
    edge: {
      entrypoint: ['node', '/app/sidecar.js'],
      programs,
      // One worker each: several edges share this machine with the encoder.
      environment: { ...environment, SLUICE_NGINX_WORKERS: '1' },
      files: [{ inside: '/app', outside: join(bundles, 'edge') }],
      stopSignal: 'SIGQUIT',
    },
    transcoder: {
      entrypoint: ['node', '/app/agent.js'],
      programs,
      environment,
      files: [{ inside: '/app', outside: join(bundles, 'transcoder') }],
      stopSignal: 'SIGTERM',
    },
    'demo-source': {
      entrypoint: ['bash', '/usr/local/bin/serve'],
      programs: {},
      environment: {
        SLUICE_RUN_DIRECTORY: '/run/demo-source',
        SLUICE_FILM: '/srv/film.mp4',
        SLUICE_NGINX_CONFIGURATION: '/etc/demo-source/nginx.conf',
      },
      files: [
        { inside: '/usr/local/bin/serve', outside: join(demoSource, 'serve.sh') },
        { inside: '/etc/demo-source', outside: demoSource },
        { inside: '/srv/film.mp4', outside: film },
      ],
      stopSignal: 'SIGTERM',
    },
  };
}
