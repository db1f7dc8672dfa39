import { PERIOD_DIGITS, PLAYLISTS_FOLDER } from '../playlists/folder.ts';
import { POLL_FORMAT, POLL_LOG } from '../playlists/poll-log.ts';
import { AUTOMATED_AGENT } from '../viewers/automated.ts';
import { SESSION_ID_PATTERN } from '../viewers/session-id.ts';

/** What the part about playlists depends on. */
interface PlaylistOptions {
  readonly runDirectory: string;
  /** Whether every request is written to stdout as well. */
  readonly accessLog: boolean;
  readonly corsLines: string;
  /** What answers for nginx everywhere: an error_page of this place would hide it. */
  readonly errorPageLines: string;
}

/** Where each request is written that is written at all, and how. */
export const ACCESS_LOG = '/dev/stdout compact';

/** Lines that a worker has gathered are written after this, and when they fill its buffer. */
const FLUSH_MS = 100;
const LOG_BUFFER = '32k';

/**
 * Which requests nginx may answer with a file: a GET with a session alone in its query, from a program that does not
 * say that it is no viewer, without a condition that nginx would answer with 304. `$playlist_period` is then the folder of the present ten seconds, and else one that is not
 * there: all others are for the sidecar, as are playlists without a file.
 */
export function playlistMaps(): string {
  return `
  # nginx sends playlists that the sidecar keeps as files, and writes down who got them: playlists/ in the sidecar.
  log_format polls '${POLL_FORMAT}';
  map $msec $period {
    "~^(?<playlist_digits>\\d+)\\d{${PERIOD_DIGITS}}\\." $playlist_digits;
    default none;
  }
  map $http_user_agent $automated {
    "~*${AUTOMATED_AGENT.source}" yes;
    default '';
  }
  map "$request_method?$args $http_sec_purpose$http_purpose$automated$http_if_none_match" $playlist_period {
    "~^GET\\?session=${SESSION_ID_PATTERN} $" $period;
    default none;
  }`;
}

/** The place where playlists are sent: as a file, or else by the sidecar, with the same headers. */
export function playlistLocation({ runDirectory, accessLog, corsLines, errorPageLines }: PlaylistOptions): string {
  return `    # Playlists that many ask for are files for a while. They are replaced as a whole, so each request opens its own.
    location ~ ^/live/[a-z0-9.-]+/[a-z0-9.-]+/[a-z0-9-]+\\.m3u8$ {
      root ${runDirectory}/${PLAYLISTS_FOLDER}/$playlist_period;
      open_file_cache off;
      # In one write with the head: they are small.
      sendfile off;
      tcp_nopush off;
      types { application/vnd.apple.mpegurl m3u8; }
${corsLines}
      add_header Cache-Control no-cache;
      add_header Last-Modified '';
      etag off;
      if_modified_since off;
      max_ranges 0;
      access_log ${runDirectory}/${POLL_LOG} polls buffer=${LOG_BUFFER} flush=${FLUSH_MS}ms;${accessLog ? `\n      access_log ${ACCESS_LOG};` : ''}
      # The first one of a status is in force. 412: a condition about a file that is nobody's business.
      error_page 403 404 405 412 500 = @sidecar;
${errorPageLines}
      # A sidecar that is away is the second error of a request.
      recursive_error_pages on;
    }`;
}
