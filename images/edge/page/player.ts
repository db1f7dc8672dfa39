import Hls, { type ErrorData } from 'hls.js';

/** One entry of the quality menu; -1 is the automatic choice. */
export interface Quality {
  readonly level: number;
  readonly label: string;
}

/** What the page learns from the player. */
export interface PlayerEvents {
  onQualities(qualities: readonly Quality[]): void;
  /** The picture moves (again). */
  onPlaying(): void;
  /** The player cannot go on by itself for now; it keeps trying. `media` true: a media segment failed, false: a playlist. */
  onNetworkTrouble(status: number, media: boolean): void;
  /** The browser cannot decode what it gets, also after two attempts to recover. */
  onMediaFailure(message: string): void;
}

/** The player behind the page's controls. */
export interface Player {
  load(url: string): void;
  chooseQuality(level: number): void;
  goToLive(): void;
  /** Seconds behind the live edge; null while unknown. */
  latencySeconds(): number | null;
}

/** Between two attempts of loading after a fatal network error: fast enough not to be noticed as dead, slow enough for a server in trouble. */
const NETWORK_RETRY_MILLISECONDS = 2000;
/** A third media error within this time means that recovery does not help. */
const MEDIA_RECOVERY_MILLISECONDS = 10_000;

/**
 * hls.js retries a segment for half a minute by default. A viewer who cannot reach a source directly is served by the
 * edge a few seconds after it has said so: give up early and begin anew at the live edge.
 */
const SEGMENT_LOAD_POLICY = {
  default: {
    maxTimeToFirstByteMs: 8000,
    maxLoadTimeMs: 20_000,
    timeoutRetry: { maxNumRetry: 1, retryDelayMs: 0, maxRetryDelayMs: 0 },
    errorRetry: { maxNumRetry: 2, retryDelayMs: 500, maxRetryDelayMs: 1000 },
  },
};

/** Plays by hls.js, or natively where Media Source Extensions are missing (Safari on iPhone). */
export function createPlayer(video: HTMLVideoElement, events: PlayerEvents): Player {
  video.addEventListener('playing', () => events.onPlaying());
  return Hls.isSupported() ? createHlsPlayer(video, events) : createNativePlayer(video, events);
}

function createHlsPlayer(video: HTMLVideoElement, events: PlayerEvents): Player {
  const hls = new Hls({ lowLatencyMode: false, backBufferLength: 30, fragLoadPolicy: SEGMENT_LOAD_POLICY });
  const recover = createMediaRecovery(hls, events);
  let url = '';
  let retry: ReturnType<typeof setTimeout> | undefined;
  hls.attachMedia(video);
  hls.on(Hls.Events.MANIFEST_PARSED, () => {
    events.onQualities(hls.levels.map((level, index) => ({ level: index, label: labelOf(level) })));
    video.play().catch(() => {
      // Autoplay is the browser's decision; the play button stays.
    });
  });
  hls.on(Hls.Events.ERROR, (_event, data: ErrorData) => {
    const status = data.response?.code ?? 0;
    if (data.type === Hls.ErrorTypes.NETWORK_ERROR) events.onNetworkTrouble(status, data.frag !== undefined);
    if (!data.fatal) return;
    if (data.type === Hls.ErrorTypes.MEDIA_ERROR) {
      recover(data.details);
      return;
    }
    // A segment that cannot be had will not come back: begin anew at the live edge, where entries may name another place.
    const anew = data.frag !== undefined || hls.levels.length === 0;
    clearTimeout(retry);
    retry = setTimeout(() => (anew ? hls.loadSource(url) : hls.startLoad()), NETWORK_RETRY_MILLISECONDS);
  });
  return {
    load(next) {
      url = next;
      hls.loadSource(next);
    },
    chooseQuality(level) {
      hls.nextLevel = level;
    },
    goToLive() {
      if (hls.liveSyncPosition !== null) video.currentTime = hls.liveSyncPosition;
      video.play().catch(() => {});
    },
    latencySeconds: () => (hls.levels.length > 0 && hls.latency > 0 ? hls.latency : null),
  };
}

/** hls.js documents this order for fatal media errors: recover, then swap the audio codec and recover, then give up. */
function createMediaRecovery(hls: Hls, events: PlayerEvents): (details: string) => void {
  let attempts: number[] = [];
  return (details) => {
    const now = performance.now();
    attempts = attempts.filter((at) => now - at < MEDIA_RECOVERY_MILLISECONDS);
    attempts.push(now);
    if (attempts.length > 2) {
      events.onMediaFailure(details);
      return;
    }
    if (attempts.length === 2) hls.swapAudioCodec();
    hls.recoverMediaError();
  };
}

/** hls.js orders levels by bitrate; the source's own rendition is the one whose playlist is called `source`. */
function labelOf(level: { readonly height: number; readonly bitrate: number; readonly uri: string }): string {
  const size = level.height > 0 ? `${level.height}p ` : '';
  const origin = /\/source\.m3u8(\?|$)/.test(level.uri) ? 'Source ' : '';
  return `${origin}${size}(${(level.bitrate / 1e6).toFixed(1)} Mbit/s)`;
}

function createNativePlayer(video: HTMLVideoElement, events: PlayerEvents): Player {
  let url = '';
  video.addEventListener('error', () => {
    events.onNetworkTrouble(0, false);
    setTimeout(() => {
      video.src = url;
    }, NETWORK_RETRY_MILLISECONDS);
  });
  return {
    load(next) {
      url = next;
      video.src = next;
    },
    chooseQuality() {
      // The system's player chooses by itself.
    },
    goToLive() {
      const end = video.seekable.length > 0 ? video.seekable.end(video.seekable.length - 1) : Number.NaN;
      if (Number.isFinite(end)) video.currentTime = end;
    },
    latencySeconds: () => null,
  };
}
