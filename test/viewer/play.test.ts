import { Buffer } from 'node:buffer';
import { expect, test } from '@jest/globals';
import type { Answer, ViewerClient } from './client.ts';
import { play } from './play.ts';

const EDGE = 'http://edge.test';

function answer(text: string): Answer {
  const body = Buffer.from(text);
  return { status: 200, body, bytes: body.length, retryAfterSeconds: null };
}

function playlist(first: number, uris: readonly string[]): string {
  const head = ['#EXTM3U', '#EXT-X-TARGETDURATION:2', `#EXT-X-MEDIA-SEQUENCE:${first}`];
  return `${[...head, ...uris.flatMap((uri) => ['#EXTINF:2.000,', uri])].join('\n')}\n`;
}

/** Time that passes as soon as everybody waits for it. */
function virtualTime() {
  const sleepers: { readonly at: number; readonly wake: () => void }[] = [];
  const time = { now: 0, pause: (milliseconds: number) => pause(milliseconds), pass };
  function pause(milliseconds: number): Promise<void> {
    return new Promise((wake) => sleepers.push({ at: time.now + milliseconds, wake }));
  }
  async function pass(untilMilliseconds: number): Promise<void> {
    for (;;) {
      await new Promise((resolve) => setImmediate(resolve));
      sleepers.sort((one, other) => one.at - other.at);
      if ((sleepers[0]?.at ?? Number.POSITIVE_INFINITY) > untilMilliseconds) return;
      const next = sleepers.shift();
      time.now = Math.max(time.now, next?.at ?? 0);
      next?.wake();
    }
  }
  return time;
}

test('a viewer polls on while a segment cannot be had, and goes on with what is listed then', async () => {
  const time = virtualTime();
  const asked: string[] = [];
  /** Direct names a source that nobody here can resolve, until the edge has heard of it. */
  const listed = (): string => {
    const second = Math.floor(time.now / 2000);
    const uris = [0, 1, 2].map((index) => `${second + index < 6 ? 'http://source.test/' : ''}${second + index}.ts`);
    return playlist(second, uris);
  };
  const client: ViewerClient = {
    get: async (url) => {
      asked.push(url.replace(`${EDGE}/live/demo/film/`, ''));
      if (url.includes('index.m3u8')) return answer('#EXTM3U\nsource.m3u8\n');
      if (url.includes('source.m3u8')) return answer(listed());
      if (url.includes('source.test')) throw new Error('ENOTFOUND');
      return answer('film');
    },
    post: async () => answer(''),
    close: async () => {},
  };
  const problems: string[] = [];
  const played: number[] = [];
  const polls: number[] = [];
  const stopping = new AbortController();
  const options = { edgeUrl: EDGE, namespace: 'demo', channel: 'film', fetchesSegments: true };
  const observer = {
    onPoll: () => void polls.push(time.now),
    onDownload: async ({ msn }: { readonly msn: number }) => void played.push(msn),
    onProblem: (problem: string) => void problems.push(problem),
  };
  const playing = play(options, client, observer, stopping.signal, time.pause);
  playing.catch(() => {});
  await time.pass(30_000);
  // No poll waits for a segment: it would be forgotten by the edge, which hears of it nowhere else.
  const gaps = polls.slice(1).map((at, index) => at - (polls[index] ?? 0));
  expect(Math.max(...gaps)).toBeLessThanOrEqual(2_000);
  expect(played.slice(0, 3)).toEqual([6, 7, 8]);
  // What has left the playlist is given up long before its last try.
  expect(asked.filter((url) => url.endsWith('/0.ts')).length).toBeLessThan(4);
  expect(problems.length).toBeGreaterThan(3);
});
