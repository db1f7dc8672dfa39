import { ApiRefusal, type HeartbeatAnswer, sendHeartbeat, sendLeave, type ViewerMode } from './api.ts';
import { createPlayer } from './player.ts';
import { createView, type View } from './view.ts';

/** While a channel cannot be had, often enough that its start is noticed soon. */
const RETRY_SECONDS = 3;
const LATENCY_REFRESH_MILLISECONDS = 1000;
/** A single failed request is normal on a phone; the notice comes when the next one fails as well. */
const FAILURES_BEFORE_NOTICE = 2;

/** `/watch/<namespace>/<channel>`; anything before `/watch/` is an Ingress's prefix. */
function channelOf(path: string): string {
  const match = /\/watch\/([^/]+)\/([^/]+)\/?$/.exec(path);
  return match === null ? '' : `${decodeURIComponent(match[1] ?? '')}/${decodeURIComponent(match[2] ?? '')}`;
}

/** One id per tab: a reload is the same viewer, a second tab is another one. */
function sessionOf(storage: Storage): string {
  const known = storage.getItem('sluice-session');
  if (known !== null) return known;
  // randomUUID exists on secure origins only; a channel may be watched over plain http.
  const fresh = Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) =>
    byte.toString(16).padStart(2, '0'),
  ).join('');
  storage.setItem('sluice-session', fresh);
  return fresh;
}

function explain(view: View, channelId: string, error: unknown): void {
  if (!(error instanceof ApiRefusal)) {
    view.showNotice({ title: 'Connection lost', text: 'The server does not answer. Trying again ...' });
  } else if (error.status === 404) {
    view.showNotice({
      title: 'No such channel',
      text: `There is no channel ${channelId}. If it is about to be created, this page will start by itself.`,
    });
  } else if (error.status === 503) {
    view.showNotice({ title: 'The source is not there yet', text: `${error.message} Trying again ...` });
  } else {
    view.showNotice({ title: 'The server refused', text: error.message });
  }
}

function followEvents(view: View, channelId: string): void {
  const events = new EventSource(`/api/stream/${channelId}/events`);
  const on = <T>(name: string, show: (data: T) => void): void => {
    events.addEventListener(name, (event) => show(JSON.parse((event as MessageEvent<string>).data) as T));
  };
  on<{ mode: ViewerMode; targetMode?: ViewerMode; reason?: string }>('mode', ({ mode, targetMode, reason }) =>
    view.showMode(mode, targetMode ?? mode, reason ?? ''),
  );
  on<{ viewerCount: number | null }>('viewers', ({ viewerCount }) => view.showViewers(viewerCount));
  let isDown = false;
  on<{ health: string; message?: string }>('health', ({ health, message }) => {
    if (health === 'down') view.showNotice({ title: 'The source does not answer', text: message ?? '' });
    // The picture may have gone on from the buffer, and then no `playing` event clears the notice.
    else if (isDown) view.showNotice(null);
    isDown = health === 'down';
  });
}

function start(): void {
  const view = createView(document);
  const channelId = channelOf(location.pathname);
  view.showChannel(channelId);
  const sessionId = sessionOf(sessionStorage);
  let loaded = false;
  let failures = 0;
  let pendingSourceError: string | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;

  const player = createPlayer(view.video, {
    onQualities: (qualities) => view.showQualities(qualities),
    onPlaying() {
      view.showNotice(null);
      view.showLive(true);
    },
    onNetworkTrouble(status, media) {
      if (media && navigator.onLine && pendingSourceError === undefined) {
        pendingSourceError = `the player could not load a segment (HTTP status ${status})`;
        beatSoon(0);
      }
      if (status === 404 && !media) explain(view, channelId, new ApiRefusal(404, 'CHANNEL_UNKNOWN', ''));
      else if (status === 503)
        explain(view, channelId, new ApiRefusal(503, 'SOURCE_UNREACHABLE', 'It cannot be reached at the moment.'));
      else if (status === 0 && view.video.readyState < HTMLMediaElement.HAVE_FUTURE_DATA)
        explain(view, channelId, undefined);
    },
    onMediaFailure: (details) => view.showNotice({ title: 'This browser cannot play the channel', text: details }),
  });

  const onAnswer = (answer: HeartbeatAnswer): void => {
    failures = 0;
    view.showMode(answer.mode, answer.mode, '');
    view.showViewers(answer.viewerCount);
    if (loaded) {
      // A connection that was lost only for heartbeats interrupts no picture, so no `playing` event clears the notice.
      if (view.video.readyState >= HTMLMediaElement.HAVE_FUTURE_DATA) view.showNotice(null);
      return;
    }
    loaded = true;
    view.showNotice(null);
    followEvents(view, channelId);
    // Not before: the controls of a player without a stream would do nothing.
    view.video.controls = true;
    player.load(answer.streamUrl);
  };
  const beat = async (): Promise<void> => {
    const sourceError = pendingSourceError;
    try {
      const answer = await sendHeartbeat(channelId, sessionId, sourceError);
      pendingSourceError = undefined;
      onAnswer(answer);
      beatSoon(answer.nextHeartbeatSeconds);
    } catch (error) {
      failures += 1;
      // The edge cannot be reached either: it was this viewer's connection that failed, not the source.
      if (!(error instanceof ApiRefusal)) pendingSourceError = undefined;
      if (error instanceof ApiRefusal || failures >= FAILURES_BEFORE_NOTICE || !loaded) explain(view, channelId, error);
      beatSoon(RETRY_SECONDS);
    }
  };
  const beatSoon = (seconds: number): void => {
    clearTimeout(timer);
    timer = setTimeout(() => void beat(), seconds * 1000);
  };

  view.onQuality((level) => player.chooseQuality(level));
  view.onGoToLive(() => player.goToLive());
  setInterval(() => view.showLatency(player.latencySeconds()), LATENCY_REFRESH_MILLISECONDS);
  addEventListener('pagehide', () => sendLeave(channelId, sessionId));
  addEventListener('pageshow', (event) => {
    if (event.persisted) beatSoon(0);
  });
  beatSoon(0);
}

start();
