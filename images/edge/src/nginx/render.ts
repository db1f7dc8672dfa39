import { isIP, isIPv6 } from 'node:net';
import { CORS_HEADERS, PREFLIGHT_HEADERS } from '../http/cors.ts';
import { ACCESS_LOG, playlistLocation, playlistMaps } from './playlists.ts';
import { PID_FILE } from './start-watch.ts';
import { workerLimits } from './worker-limits.ts';

/** What nginx.conf depends on. All paths absolute, without spaces or quotes. */
export interface NginxOptions {
  /** `::` listens on IPv4 as well. */
  readonly bindAddress: string;
  readonly port: number;
  readonly workers: number;
  readonly runDirectory: string;
  readonly mediaDirectory: string;
  readonly pageDirectory: string;
  readonly accessLog: boolean;
  /** How many files nginx may have open at most; null: as many as it asks for. */
  readonly openFilesLimit: number | null;
}

/** Name of the sidecar's unix socket in the run directory. */
export const SOCKET_NAME = 'sidecar.sock';

/** Where nginx tells what it has done, to its own pod alone. */
export const STATUS_PATH = '/.status';

/** A segment of 50 MB is through at 14 Mbit/s; well below the pod's grace period. */
const SHUTDOWN_TIMEOUT_SECONDS = 30;

/** The page needs its own script and hls.js's worker (a blob), and media from wherever a Direct source is. */
const PAGE_POLICY =
  "default-src 'self'; connect-src *; media-src * blob:; img-src * data:; worker-src 'self' blob:; style-src 'self' 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/** Not the address of anybody who asks. */
const EVERY_ADDRESS: ReadonlySet<string> = new Set(['::', '0.0.0.0']);

function errorText(code: string, message: string): string {
  return JSON.stringify({ error: { code, message } });
}

/** What the sidecar reads of viewers' headers: whether they are programs (viewers/automated.ts), and their session (viewers/cmcd.ts). */
const PASSED_HEADERS = ['User-Agent', 'Purpose', 'Sec-Purpose', 'CMCD-Session'] as const;

/** A header without a value is none. */
function passedLine(name: string): string {
  return `  proxy_set_header ${name} $http_${name.toLowerCase().replaceAll('-', '_')};`;
}

/** Everything that nginx answers by itself, in the shape of all errors. A 416 has its file's headers already, CORS among them. */
const OWN_ERRORS: readonly (readonly [
  statuses: string,
  status: number,
  code: string,
  message: string,
  retry: boolean,
])[] = [
  ['400 494', 400, 'BAD_REQUEST', 'The request cannot be understood', false],
  ['403 404', 404, 'NOT_FOUND', 'There is nothing here; a channel is watched at /watch/NAMESPACE/NAME', false],
  ['405', 405, 'METHOD_NOT_ALLOWED', 'Only GET and HEAD are possible here', false],
  ['413', 413, 'BODY_TOO_LARGE', 'The body is larger than it may be', false],
  ['414', 414, 'URL_TOO_LONG', 'A URL has at most 8 kB', false],
  ['416', 416, 'RANGE_INVALID', 'The file has no such range', false],
  ['500 502 503 504', 503, 'EDGE_UNAVAILABLE', 'This edge is starting or stopping; try again', true],
];

/** Who answers for nginx. Paths, not named locations: a request line that cannot be read has no URI to go on with. */
function errorPageLines(indent: string): string {
  return OWN_ERRORS.map(([statuses, status]) => `${indent}error_page ${statuses} = /.error/${status};`).join('\n');
}

function errorPages(): string {
  const locations = OWN_ERRORS.map(([, status, code, message, retry]) =>
    errorLocation(`/.error/${status}`, status, { code, message, retry }),
  );
  return [errorPageLines('    '), ...locations].join('\n');
}

function errorLocation(
  path: string,
  status: number,
  { code, message, retry }: { readonly code: string; readonly message: string; readonly retry: boolean },
): string {
  return `    location = ${path} {
      internal;
      default_type application/json;
${status === 416 ? '' : corsLines('      ')}
      add_header Cache-Control no-store always;${retry ? '\n      add_header Retry-After 1 always;' : ''}
      return ${status} '${errorText(code, message)}';
    }`;
}

function corsLines(indent: string, preflight = false): string {
  const headers = preflight ? [...CORS_HEADERS, ...PREFLIGHT_HEADERS] : CORS_HEADERS;
  return headers.map(([name, value]) => `${indent}add_header ${name} '${value}' always;`).join('\n');
}

function listenLine({ bindAddress, port }: NginxOptions): string {
  return isIPv6(bindAddress) ? `listen [${bindAddress}]:${port} ipv6only=off;` : `listen ${bindAddress}:${port};`;
}

function locations(options: NginxOptions): string {
  const { mediaDirectory, pageDirectory, bindAddress } = options;
  return `    location = /healthz {
      default_type text/plain;
      return 200 'ok\\n';
    }

    # Its counters, for the sidecar: whoever asks from outside gets what he gets for any path that is not there.
    location = ${STATUS_PATH} {
      stub_status;
      allow 127.0.0.0/8;
      allow ::1;
${isIP(bindAddress) === 0 || EVERY_ADDRESS.has(bindAddress) ? '' : `      allow ${bindAddress};\n`}      deny all;
    }

    # Segments: immutable names, so kept for a year by everybody; half files (.tmp) are nobody's.
    location ~ ^/live/[^/]+/[^/]+/s/.+\\.(?:ts|m4s|mp4|aac|vtt)$ {
      root ${mediaDirectory};
      types { video/mp2t ts; video/mp4 m4s mp4; audio/aac aac; text/vtt vtt; }
      default_type application/octet-stream;
${corsLines('      ')}
      add_header Cache-Control 'public, max-age=31536000, immutable';
      add_header X-Content-Type-Options nosniff;
      # A file that is not here the sidecar fetches, and sends the request back to this place. By its error: try_files would look for every file twice.
      error_page 403 404 = @sidecar;
      error_page 405 = @preflight;
${errorPageLines('      ')}
      recursive_error_pages on;
    }
    # Files are for GET and HEAD: so their place needs no look at the method of each request.
    location @preflight {
      if ($request_method != OPTIONS) {
        return 405;
      }
${corsLines('      ', true)}
      return 204;
    }

${playlistLocation({ ...options, corsLines: corsLines('      '), errorPageLines: errorPageLines('      ') })}

    location /live/ {
      proxy_pass http://sidecar;
    }
    location /api/ {
      proxy_pass http://sidecar;
    }
    location @sidecar {
      proxy_pass http://sidecar;
      # It may be the second choice after a file already.
      recursive_error_pages on;
    }

    # Players send their reports in batches (CMCD version 2).
    location ~ ^/api/stream/.+/cmcd$ {
      client_max_body_size 64k;
      client_body_buffer_size 64k;
      proxy_pass http://sidecar;
    }

    # Event streams live long and each event has to leave at once; a comment comes every 15 s.
    location ~ ^/api/stream/.+/events$ {
      proxy_pass http://sidecar;
      proxy_buffering off;
      proxy_read_timeout 60s;
    }

    # The page says itself when a channel does not exist.
    location ~ ^/watch/[^/]+/[^/]+/?$ {
      root ${pageDirectory};
      types { }
      default_type 'text/html; charset=utf-8';
      add_header Cache-Control no-cache;
      add_header Content-Security-Policy "${PAGE_POLICY}";
      add_header X-Content-Type-Options nosniff;
      add_header Referrer-Policy no-referrer;
      try_files /index.html =404;
    }
    location /assets/ {
      alias ${pageDirectory}/;
      types {
        text/css css;
        text/javascript js mjs;
        image/svg+xml svg;
        image/png png;
        font/woff2 woff2;
      }
      default_type application/octet-stream;
      charset utf-8;
      charset_types text/css text/javascript;
      add_header Cache-Control no-cache;
      add_header X-Content-Type-Options nosniff;
    }

    location / {
      return 404;
    }`;
}

/** nginx.conf as a pure function of the edge's configuration. Nothing but the paths named here is reachable. */
export function renderNginxConfig(options: NginxOptions): string {
  const { runDirectory, workers, accessLog } = options;
  const { openFiles, connections } = workerLimits(options.openFilesLimit);
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `  ${name}_temp_path ${runDirectory}/nginx-${name};`)
    .join('\n');
  return `# Written by the sidecar at its start; changes here are lost.
daemon off;
worker_processes ${workers};
worker_rlimit_nofile ${openFiles};
# The place of each request is found by expressions, which are compiled once instead of read at each.
pcre_jit on;
# Event streams never end by themselves: an edge that leaves waits for segments on their way, not for them.
worker_shutdown_timeout ${SHUTDOWN_TIMEOUT_SECONDS}s;
pid ${runDirectory}/${PID_FILE};
error_log stderr warn;

events {
  worker_connections ${connections};
}

http {
${temporary}
  server_tokens off;
  # Messages about a request quote it with its query, where sessions stand: only those that end nginx. The sidecar logs failures.
  error_log stderr alert;
  log_not_found off;
  # Segments go from the page cache to the socket, in one call each, their head in one packet with their first bytes.
  sendfile on;
  tcp_nopush on;
  # Media is compressed already.
  gzip off;
  # The host and port that viewers see are those of an Ingress.
  absolute_redirect off;
  # Who has gone without a word keeps no unsent segments in the kernel's memory.
  reset_timedout_connection on;
  # Directories are looked up once, misses never: a segment may appear at any moment. Short, or deleted files keep their space.
  open_file_cache max=4096 inactive=10s;
  open_file_cache_valid 10s;
  open_file_cache_errors off;

  client_max_body_size 4k;
  client_header_timeout 10s;
  client_body_timeout 10s;
  send_timeout 30s;
  keepalive_timeout 65s;
  keepalive_requests 10000;
  large_client_header_buffers 4 8k;

  # Paths without their query: sessions stand there.
  log_format compact escape=json '{"time":"$time_iso8601","client":"$remote_addr","forwardedFor":"$http_x_forwarded_for","method":"$request_method","path":"$uri","status":$status,"bytes":$body_bytes_sent,"seconds":$request_time}';
  access_log ${accessLog ? ACCESS_LOG : 'off'};
${playlistMaps()}

  upstream sidecar {
    server unix:${runDirectory}/${SOCKET_NAME} max_fails=0;
    keepalive 64;
    keepalive_requests 1000000;
    keepalive_timeout 60s;
  }
  proxy_http_version 1.1;
  # The sidecar gets what it reads: it would have to parse a browser's dozen other headers with each request.
  proxy_pass_request_headers off;
  proxy_set_header Connection '';
  proxy_set_header Host $http_host;
${PASSED_HEADERS.map(passedLine).join('\n')}
  # A playlist waits at most 10 s for its first segment.
  proxy_read_timeout 30s;
  proxy_connect_timeout 5s;

  server {
    ${listenLine(options)}
    server_name _;

${errorPages()}

${locations(options)}
  }
}
`;
}
