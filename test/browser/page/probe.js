// Runs in the page before everything else: records what the page's video element really shows.
// window.playbackProbe.read() returns what test/browser/playback-report.ts describes as PlaybackSample.
(() => {
  const frames = [];
  const problems = [];
  const waits = [];
  const lateTimers = [];
  let playing = false;
  let video = null;

  /** Seconds of film in the buffer after the present one. */
  const aheadSeconds = () => {
    const { buffered, currentTime } = video;
    for (let index = 0; index < buffered.length; index += 1) {
      if (buffered.start(index) <= currentTime + 0.1 && currentTime <= buffered.end(index)) {
        return buffered.end(index) - currentTime;
      }
    }
    return 0;
  };

  // A timer that comes late by more than this says that the machine had no time for the page, whatever it plays.
  const TIMER_MILLISECONDS = 100;
  const LATE_MILLISECONDS = 200;
  let lastTick = performance.now();
  setInterval(() => {
    const now = performance.now();
    if (now - lastTick > TIMER_MILLISECONDS + LATE_MILLISECONDS) lateTimers.push([lastTick, now]);
    lastTick = now;
  }, TIMER_MILLISECONDS);

  const onFrame = (now, metadata) => {
    const quality = video.getVideoPlaybackQuality();
    frames.push({
      mediaTime: metadata.mediaTime,
      wallMilliseconds: now,
      aheadSeconds: aheadSeconds(),
      presented: metadata.presentedFrames,
      decoded: quality.totalVideoFrames,
      dropped: quality.droppedVideoFrames,
    });
    video.requestVideoFrameCallback(onFrame);
  };

  const watch = (element) => {
    video = element;
    video.requestVideoFrameCallback(onFrame);
    video.addEventListener('playing', () => {
      playing = true;
    });
    // Before the first picture a player waits by nature; afterwards every wait is a stall that a viewer sees.
    video.addEventListener('waiting', () => {
      if (playing) waits.push({ wallMilliseconds: performance.now(), aheadSeconds: aheadSeconds() });
    });
    video.addEventListener('error', () => problems.push(`media element: ${video.error?.message ?? 'error'}`));
  };

  addEventListener('error', (event) => problems.push(`page: ${event.message}`));
  addEventListener('unhandledrejection', (event) => problems.push(`page: ${event.reason}`));
  document.addEventListener('DOMContentLoaded', () => watch(document.querySelector('video')));

  window.playbackProbe = {
    problem: (text) => problems.push(text),
    read() {
      const buffered = [];
      for (let index = 0; index < video.buffered.length; index += 1) {
        buffered.push([video.buffered.start(index), video.buffered.end(index)]);
      }
      return { frames, problems, waits, lateTimers, buffered, currentTime: video.currentTime };
    },
  };
})();
