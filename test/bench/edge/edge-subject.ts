import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Route } from '@sluice/common/link/route.ts';
import { testRoute } from '@sluice/edge/testing/route.ts';
import type { Command } from '../../../images/edge/integration/ending-with-parent.ts';
import { EdgePrograms, freePorts, makeLinkFolder } from '../../../images/edge/integration/programs.ts';
import { imageSettings } from '../image-settings.ts';
import type { Started, Subject } from './subject.ts';

/** An edge as its pod runs it: the image's bundle and settings, and a real nginx. */
export interface EdgeSubject extends Subject {
  readonly programs: EdgePrograms;
  readonly sidecarPid: number;
}

/** Namespace of the bench's channels, which are called `c0`, `c1`, ... */
export const NAMESPACE = 'bench';

/** What an edge is started with. */
export interface EdgeSubjectOptions {
  /** The repository's. */
  readonly root: string;
  readonly originUrl: string;
  readonly channels: number;
  /** Of nginx. */
  readonly workers: number;
  /** Node.js for the sidecar, and what else starts it; this process's own if left out. */
  readonly node?: Command;
}

/** Starts an edge with so many channels of an origin, in Proxy as soon as somebody watches. */
export async function startEdgeSubject(
  started: Started,
  address: string,
  options: EdgeSubjectOptions,
): Promise<EdgeSubject> {
  const link = await makeLinkFolder();
  started.add(link, ({ folder }) => rm(folder, { recursive: true, force: true }));
  const { flags, environment } = imageSettings(options.root, 'edge');
  const programs = await EdgePrograms.start(address, await freePorts(), link, {
    sidecar: [...(options.node ?? ([process.execPath] as const)), ...flags, join(options.root, 'dist/edge/sidecar.js')],
    environment: { ...environment, SLUICE_NGINX_WORKERS: String(options.workers), SLUICE_LOG_LEVEL: 'warn' },
  });
  started.add(programs, () => programs.stop());
  programs.snapshot(Array.from({ length: options.channels }, (_, index) => routeOf(index, options.originUrl)));
  const [sidecarPid] = programs.pids;
  return { name: 'edge', url: programs.url, groups: programs.pids, programs, sidecarPid };
}

/** Route of the channel with this number. */
export function routeOf(index: number, originUrl: string): Route {
  const name = `c${index}`;
  return testRoute(`${originUrl}/live/${NAMESPACE}/${name}/source.m3u8`, {
    namespace: NAMESPACE,
    name,
    uid: `${index.toString(16).padStart(8, '0')}-3333-4444-5555-666677778888`,
    minimumMode: 'Proxy',
    maximumMode: 'Proxy',
  });
}
