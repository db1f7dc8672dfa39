import { makeFragment, makeInit } from '@sluice/common/mp4/file.testing.ts';
import { type MediaPlaylist, parseMediaPlaylist } from '@sluice/test/viewer/media-playlist.ts';
import { TestEdge } from '../testing/edge.ts';
import { RenditionsServer, type ServedRendition } from '../testing/renditions-server.ts';
import { testRoute } from '../testing/route.ts';
import { makeSegment } from '../testing/segment.ts';

/** A picture with its sound, in MPEG-TS. */
export const ts = (): ServedRendition => ({
  extension: 'ts',
  segment: (startSeconds, durationSeconds) => makeSegment({ startSeconds, durationSeconds }),
});
/** Fragmented MP4 with these tracks. */
export const fragments = (tracks: readonly number[], init: Uint8Array): ServedRendition => ({
  extension: 'm4s',
  init,
  segment: (startSeconds, durationSeconds) => makeFragment({ startSeconds, durationSeconds, tracks }),
});
/** A picture alone, in fragmented MP4. */
export const picture = (height = 720) => fragments([1], makeInit({ height, audio: null }));
/** A language alone, in fragmented MP4. */
export const sound = () => fragments([2], makeInit({ video: null }));
/** Subtitles in WebVTT, all of them empty. */
export const subtitles = (): ServedRendition => ({
  extension: 'vtt',
  segment: () => Buffer.from('WEBVTT\nX-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:9000000\n'),
});

/** Lines of a multivariant playlist for a picture; `rest` is more of its attributes, a comma first. */
export const variant = (name: string, height: number, rest = ''): string =>
  `#EXT-X-STREAM-INF:BANDWIDTH=${height * 4000},RESOLUTION=${Math.round((height * 16) / 9)}x${height}${rest}\n${name}/index.m3u8`;
/** Line of a multivariant playlist for a language; its group has the type's first letter. */
export const media = (type: string, name: string, rest = ''): string =>
  `#EXT-X-MEDIA:TYPE=${type},GROUP-ID="${type[0]}",NAME="${name}",LANGUAGE="${name}"${rest},URI="${name}/index.m3u8"`;
/** Two pictures. */
export const TWO = [variant('low', 360), variant('high', 720)];

/** An edge with a source that has renditions. */
export class RenditionsStage {
  readonly edge: TestEdge;
  #source: RenditionsServer | null = null;

  private constructor(edge: TestEdge) {
    this.edge = edge;
  }

  static async open(): Promise<RenditionsStage> {
    return new RenditionsStage(await TestEdge.open());
  }

  /** There is one from {@link begin} on. */
  get source(): RenditionsServer {
    if (this.#source === null) throw new Error('there is no source yet');
    return this.#source;
  }

  /** Begins a source with these lines of a multivariant playlist, and lets the edge probe it. */
  async begin(lines: readonly string[], renditions: Readonly<Record<string, ServedRendition>>): Promise<void> {
    this.#source = new RenditionsServer(this.edge.clock.now, lines, renditions);
    await this.source.listen();
    this.edge.media.apply(testRoute(this.source.url));
    await this.edge.clock.advance(10);
    this.source.requests.length = 0;
  }

  proxy(): void {
    this.edge.media.apply(testRoute(this.source.url, { mode: 'Proxy' }));
  }

  async multivariant(): Promise<string> {
    const answer = this.edge.media.multivariant('default/film', 'session=x', AbortSignal.timeout(60_000));
    await this.edge.clock.advance(0);
    return (await answer).text;
  }

  async entriesOf(rung: string): Promise<MediaPlaylist['entries']> {
    return parseMediaPlaylist(await this.edge.playlist(rung)).entries;
  }

  async close(): Promise<void> {
    await this.edge.close();
    await this.#source?.close();
  }
}
