// Runs in the page before everything else: records what the page's video element really shows.
// window.playbackProbe.read() returns what test/browser/playback-report.ts describes as PlaybackSample.
(() => {
  const frames = [];
  const problems = [];
  let waiting = 0;
  let playing = false;
  let video = null;

  const onFrame = (now, metadata) => {
    const quality = video.getVideoPlaybackQuality();
    frames.push({
      mediaTime: metadata.mediaTime,
      wallMilliseconds: now,
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
      if (playing) waiting += 1;
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
      return { frames, problems, waiting, buffered, currentTime: video.currentTime };
    },
  };
})();
