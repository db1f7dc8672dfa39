import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePorts, until } from '../../../images/edge/integration/programs.ts';
import { groupOf, type Started, type Subject, startProgram, stopProgram } from './subject.ts';

/** What nginx alone is told. */
interface ReferenceOptions {
  readonly address: string;
  readonly port: number;
  readonly folder: string;
  readonly originUrl: string;
  /** Folder whose files are served below /files/. */
  readonly files: string;
  readonly workers: number;
}

/**
 * nginx without Sluice, as one would set it up for this: sendfile, open files cached, proxy_cache with its lock before
 * the origin, playlists cached for half a target duration.
 */
function configText({ address, port, folder, originUrl, files, workers }: ReferenceOptions): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `  ${name}_temp_path ${folder}/temp-${name};`,
  );
  return `daemon off;
worker_processes ${workers};
worker_rlimit_nofile 16384;
pid ${folder}/nginx.pid;
error_log stderr alert;
events {
  worker_connections 16384;
}
http {
${temporary.join('\n')}
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_timeout 65s;
  keepalive_requests 10000;
  open_file_cache max=4096 inactive=10s;
  open_file_cache_valid 10s;
  open_file_cache_errors off;
  types { video/mp2t ts; application/vnd.apple.mpegurl m3u8; }
  proxy_cache_path ${folder}/cache levels=1:2 keys_zone=media:16m max_size=4g inactive=60s use_temp_path=off;
  upstream origin {
    server ${new URL(originUrl).host};
    keepalive 64;
  }
  proxy_http_version 1.1;
  proxy_set_header Connection '';
  proxy_cache media;
  proxy_cache_key $uri;
  proxy_cache_lock on;
  server {
    listen ${address}:${port};
    location = /healthz {
      return 200;
    }
    location ^~ /files/ {
      alias ${files}/;
    }
    location ~ /index\\.m3u8$ {
      default_type application/vnd.apple.mpegurl;
      return 200 '#EXTM3U\\n#EXT-X-STREAM-INF:BANDWIDTH=3000000\\nsource.m3u8\\n';
    }
    location ~ \\.m3u8$ {
      set $args '';
      proxy_pass http://origin;
      proxy_cache_valid 200 1s;
      proxy_cache_use_stale updating;
    }
    location / {
      proxy_pass http://origin;
      proxy_cache_valid 200 1h;
    }
  }
}
`;
}

/** Starts nginx alone before the same origin. */
export async function startReference(
  started: Started,
  address: string,
  options: Pick<ReferenceOptions, 'originUrl' | 'files' | 'workers'>,
): Promise<Subject> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-nginx-'));
  started.add(folder, () => rm(folder, { recursive: true, force: true }));
  await chmod(folder, 0o755);
  const { http: port } = await freePorts();
  const config = join(folder, 'nginx.conf');
  await writeFile(config, configText({ ...options, address, port, folder }));
  const child = started.add(startProgram('nginx', ['-e', 'stderr', '-c', config]), stopProgram);
  const url = `http://${address}:${port}`;
  await until('nginx alone answers', 30, () =>
    fetch(`${url}/healthz`).then(
      ({ ok }) => ok,
      () => false,
    ),
  );
  return { name: 'nginx alone', url, groups: [groupOf(child)] };
}
