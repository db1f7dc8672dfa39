/** Edges as their pods run them, against real sources; `--help` lists the scenarios. */
import { rm } from 'node:fs/promises';
import { runSuite, type Scenario } from '@sluice/test/setup/scenarios.ts';
import { behindCache } from './integration/cdn.ts';
import { crowd } from './integration/crowd.ts';
import { drm } from './integration/drm.ts';
import { goneOwner, newOwner, noStrangers, oneAudience, oneChannel, work } from './integration/edges.ts';
import { featuresInRung } from './integration/features.ts';
import { liveFilm } from './integration/film.ts';
import { fiveEdges } from './integration/five.ts';
import { muxed, silentHevc } from './integration/fmp4.ts';
import { FULL_DISK, fullDisk } from './integration/full.ts';
import { leavingOwner } from './integration/hand-over.ts';
import { hostileClients } from './integration/hostile/attacks-of-clients.ts';
import { hostileSources } from './integration/hostile/attacks-of-sources.ts';
import { hostileEdges } from './integration/hostile/attacks-on-operator.ts';
import { rebinding } from './integration/hostile/rebinding.ts';
import {
  frozenOwner,
  killedInSwitch,
  restarted,
  withoutOperator,
  withoutOwner,
  withoutSource,
} from './integration/partitions.ts';
import { type LinkFolder, makeLinkFolder } from './integration/programs.ts';
import { recordings } from './integration/recordings.ts';
import { transcodedRecordings } from './integration/recordings-transcode.ts';
import { cmaf, transportStreams } from './integration/renditions.ts';
import { playersOfCmaf, playersOfRenditions } from './integration/renditions-players.ts';
import { withEdges } from './integration/stage.ts';
import { fragmentedInVlc } from './integration/vlc-modes.ts';

const ABOUT = `Edges as their pods run them, the sidecar and a real nginx on loopback addresses, against real sources.
All scenarios take about twelve minutes. Fails where nginx, FFmpeg, Chromium or VLC is missing.`;

/** Segments of 1 s, where nothing but their number matters; a source that is away for some seconds loses none. */
const QUICK = { targetDurationSeconds: 1, windowSegments: 20 } as const;

const SCENARIOS: readonly Scenario<LinkFolder>[] = [
  ['channel', 'three edges show one channel, and its source sees one client', (link) => withEdges(link, oneChannel)],
  [
    'five',
    'five edges show the same bytes through a switch, and one of them speaks with the source',
    (link) => withEdges(link, fiveEdges, { edges: 5, targetDurationSeconds: 1 }),
  ],
  ['audience', 'every edge answers for the audience', (link) => withEdges(link, oneAudience)],
  ['strangers', 'edges speak with edges alone', (link) => withEdges(link, noStrangers)],
  ['work', 'agents reach the owner by way of any edge', (link) => withEdges(link, work)],
  ['moved', 'a new owner goes on with the timeline of the old one', (link) => withEdges(link, newOwner)],
  [
    'gone',
    'an owner that is killed is followed by its successor, without the operator',
    (link) => withEdges(link, goneOwner),
  ],
  [
    'leaves',
    'an owner that leaves hands over without a gap while it serves on, without the operator',
    (link) => withEdges(link, leavingOwner),
  ],
  ['full', 'edges whose disk is full lose no viewer', (link) => withEdges(link, fullDisk, FULL_DISK)],
  ['crowd', 'nginx sends playlists to a crowd, whose viewers are counted', (link) => withEdges(link, crowd)],
  [
    'cdn',
    'behind a shared cache an edge sends a playlist once for all viewers',
    (link) => withEdges(link, behindCache),
  ],
  [
    'operatorless',
    'edges without an operator show the same channel',
    (link) => withEdges(link, withoutOperator, QUICK),
  ],
  ['ownerless', 'so does an edge that does not reach the owner', (link) => withEdges(link, withoutOwner, QUICK)],
  [
    'frozen',
    'so do those whose owner stands still, and it follows afterwards',
    (link) => withEdges(link, frozenOwner, QUICK),
  ],
  ['sourceless', 'so do all while the source is away', (link) => withEdges(link, withoutSource, QUICK)],
  ['restarted', 'so do edges whose sidecars are started again', (link) => withEdges(link, restarted, QUICK)],
  ['killed', 'so do those whose owner is killed in a switch', (link) => withEdges(link, killedInSwitch, QUICK)],
  ['sources', 'sources that mean ill harm nobody but their own channels', hostileSources],
  ['clients', 'so do clients that mean ill', hostileClients],
  ['operator', 'an edge that somebody has broken into harms the operator for nobody else', hostileEdges],
  ['rebinding', 'names that change their address, and private ones in every spelling, lead nowhere', rebinding],
  ['film', 'a live film plays in VLC through all modes, and as peculiar sources send it', liveFilm],
  ['features', 'whatever else a source has is in the rungs that a real encoder makes of it', featuresInRung],
  ['vlc', 'fragmented MP4 plays in VLC through all modes, also with audio apart', fragmentedInVlc],
  ['recordings', 'recordings with AES-128, parts of files and breaks play through the edge to their end', recordings],
  ['recordings', 'recordings are transcoded to their last picture, with their captions', transcodedRecordings],
  ['fmp4', "an FFmpeg's fragmented MP4 plays through the edge without a warning", muxed],
  ['hevc', 'so does fragmented MP4 of HEVC without sound', silentHevc],
  ['cmaf', 'so do pictures and two languages apart in fragmented MP4, with subtitles', cmaf],
  ['ts', 'so do they in MPEG-TS', transportStreams],
  ['drm', "films encrypted for DRM systems play by the browser's ClearKey, and are not transcoded", drm],
  [
    'players',
    'hls.js and Shaka Player change picture and language in all modes and back, whose numbers differ at the source',
    playersOfRenditions,
  ],
  ['cmaf-renditions', 'so do they in CMAF, and count every frame', playersOfCmaf],
];

const suite = { program: 'images/edge/edge.integration.ts', about: ABOUT, scenarios: SCENARIOS };
await runSuite(suite, async (run) => {
  const link = await makeLinkFolder();
  try {
    await run(link);
  } finally {
    await rm(link.folder, { recursive: true });
  }
});
