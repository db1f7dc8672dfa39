import assert from 'node:assert/strict';
import { readdir, statfs } from 'node:fs/promises';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { type EdgeOptions, type EdgePrograms, until } from './programs.ts';
import { type Answer, ask, FILM, type Stage, type StageOptions, urisOf } from './stage.ts';

const SEGMENT_BYTES = 64 * 1024;
/** Room for so many of them: a playlist would list twelve, and twelve more would stay. */
const ROOM_SEGMENTS = 10;
const BYTES = ROOM_SEGMENTS * SEGMENT_BYTES;
/** No room for a single one. */
const NO_ROOM_BYTES = SEGMENT_BYTES / 2;
const IS_ROOT = process.getuid?.() === 0;

/** For root a file system without room, which the sidecar does not know beforehand; for others its own limit. */
export const FULL_DISK: StageOptions = {
  targetDurationSeconds: 1,
  segmentBytes: SEGMENT_BYTES - 8 * 1024,
  start: (place) => withRoom(place < 2 ? BYTES : NO_ROOM_BYTES),
};

function withRoom(bytes: number): EdgeOptions {
  return IS_ROOT ? { mediaBytes: bytes } : { environment: { SLUICE_MEDIA_SIZE_LIMIT: String(Math.ceil(bytes / 0.9)) } };
}

/** The headers of a segment that do not depend on when and whence it was sent. */
function essence({ status, headers }: Answer): object {
  const names = [
    'content-type',
    'content-length',
    'cache-control',
    'access-control-allow-origin',
    'x-content-type-options',
  ];
  return { status, ...Object.fromEntries(names.map((name) => [name, headers[name]])) };
}

/** An edge that can store nothing sends what the others do, to twenty viewers at the same time by one fetch. */
async function passesOn(edge: EdgePrograms, owner: EdgePrograms): Promise<void> {
  const name = playable((await ask(owner.url, `${FILM}/source.m3u8`)).text).at(-1) ?? 'none';
  const here = await ask(owner.url, `${FILM}/${name}`);
  for (const there of await Promise.all(Array.from({ length: 20 }, () => ask(edge.url, `${FILM}/${name}`)))) {
    assert.deepEqual(essence(there), essence(here));
    assert.ok(there.body.equals(here.body), 'the same bytes');
  }
  const files = await readdir(edge.mediaDirectory, { recursive: true });
  assert.deepEqual(
    files.filter((path) => path.endsWith('.ts')),
    [],
  );
}

/** Numbers of a metric of an edge, summed over its labels. */
async function metricOf(edge: EdgePrograms, name: string): Promise<number> {
  const { text } = await ask(`http://${edge.address}:${edge.ports.operations}`, '/metrics');
  const lines = text.split('\n').filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `));
  return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}

/** Names of a playlist's segments that have bytes. */
function playable(playlist: string): string[] {
  const lines = playlist.split('\n');
  return lines.filter((line, index) => line.startsWith('s/') && !lines.slice(index - 2, index).includes('#EXT-X-GAP'));
}

/**
 * Edges that have not the room for a window: what they list can be had from each of them by viewers of all at the same
 * time, and the playlist goes on, with as many segments as there is room for.
 */
export async function fullDisk({ edges, owner, other, third, source }: Stage): Promise<string> {
  let gaps = 0;
  let listed = 0;
  let newest = '';
  const poll = async (): Promise<void> => {
    for (const edge of edges) {
      const { status, text } = await ask(edge.url, `${FILM}/source.m3u8?session=anna`);
      assert.equal(status, 200, text);
      gaps = Math.max(gaps, urisOf(text).length - playable(text).length);
      listed = urisOf(text).length;
      newest = urisOf(text).at(-1) ?? '';
      for (const name of playable(text).slice(-3)) await isPlayed(edge, name);
    }
  };
  /** A segment can be had, unless its owner has given it back since the playlist was read. */
  const isPlayed = async (edge: EdgePrograms, name: string): Promise<void> => {
    const { status, body, text } = await ask(edge.url, `${FILM}/${name}`);
    if (status === 200) {
      assert.equal(body[0], 0x47, name);
      return;
    }
    const { text: now } = await ask(owner.url, `${FILM}/source.m3u8`);
    assert.ok(!urisOf(now).includes(name), `${name} of ${edge.address}: ${text.slice(0, 200)}`);
  };
  await until('the owner has no room for a segment', 60, async () => {
    await poll();
    return (await metricOf(owner, 'sluice_edge_storage_refused_total')) > 0;
  });
  const before = newest;
  await until('the playlist goes on', 60, async () => {
    await poll();
    await sleep(200);
    return newest !== before && playable((await ask(other.url, `${FILM}/source.m3u8`)).text).includes(newest);
  });
  await passesOn(third, owner);
  const { blocks, bsize } = await statfs(owner.mediaDirectory);
  if (IS_ROOT) assert.equal(blocks * bsize, BYTES);
  assert.ok(owner.log.includes('the media volume is full'));
  const asked = source.segmentRequests();
  const how = IS_ROOT ? 'a file system without room' : 'the limit alone: a full file system takes root to show';
  return `${how}; ${listed} segments listed, ${gaps} gaps at most, ${asked.size} segments asked for at the source`;
}
