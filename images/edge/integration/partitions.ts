import assert from 'node:assert/strict';
import { Cable } from './cable.ts';
import { type EdgePrograms, until } from './programs.ts';
import { ask, FILM, type Stage, sequenceOf, urisOf } from './stage.ts';
import { Witness } from './witness.ts';

const PLAYLIST = `${FILM}/source.m3u8`;

/** Number behind the newest segment of a playlist; not a number for any other text. */
const endOf = (text: string): number => sequenceOf(text) + urisOf(text).length;

const newestUri = (witness: Witness, edge: EdgePrograms): string => witness.newest(edge)?.entries.at(-1)?.uri ?? '';

/** Runs a part with a witness of all three edges. @returns what both have seen */
async function witnessed(stage: Stage, part: (witness: Witness) => Promise<string>): Promise<string> {
  const edges = [stage.owner, stage.other, stage.third];
  const witness = new Witness(PLAYLIST, edges);
  try {
    for (const edge of edges) await witness.sees(edge, 1, 0);
    const facts = await part(witness);
    return `${await witness.stop()}${facts && `, ${facts}`}`;
  } catch (error) {
    // What broke a rule says more than a wait that came to nothing because of it.
    await witness.stop();
    throw error;
  }
}

/** Edges that the operator does not reach go on with what they know, and hear of a switch from the owner. */
export function withoutOperator(stage: Stage): Promise<string> {
  const { owner, other, third, route } = stage;
  const edges = [owner, other, third];
  return witnessed(stage, async (witness) => {
    third.cutOperator();
    for (const edge of [owner, other]) edge.operator.send({ type: 'route', route: { ...route, mode: 'Direct' } });
    await until('the edge without an operator shows the switch', 30, () =>
      newestUri(witness, third).startsWith('http'),
    );
    // Now nobody has one.
    for (const edge of [owner, other]) edge.cutOperator();
    const from = Math.max(...edges.map((edge) => witness.end(edge)));
    for (const edge of edges) await witness.sees(edge, 2, from);
    for (const edge of edges) {
      await edge.linkOperator();
      edge.snapshot([route]);
    }
    for (const edge of edges)
      await until('all show the switch back', 30, () => newestUri(witness, edge).startsWith('s/'));
    for (const edge of edges) assert.deepEqual(witness.refusals(edge), []);
    return '';
  });
}

/**
 * An owner that stands still without a word: its successor goes on, and it follows as soon as it runs again.
 * @returns with what was measured: this machine may be busy with other things
 */
export function frozenOwner(stage: Stage): Promise<string> {
  const { owner, other, third, source } = stage;
  return witnessed(stage, async (witness) => {
    witness.forget(owner);
    await witness.sees(third, 1);
    await witness.sees(third, 1);
    const from = witness.end(third);
    const listedAt = performance.now();
    const [sidecar] = owner.pids;
    process.kill(sidecar, 'SIGSTOP');
    try {
      await witness.sees(third, 1, from);
      const lateSeconds = (performance.now() - listedAt) / 1000 - source.targetDurationSeconds;
      for (const edge of [other, third]) {
        await witness.sees(edge, 3, from);
        assert.deepEqual(witness.refusals(edge), []);
        assert.ok(
          witness.newest(edge)?.entries.every(({ discontinuity }) => !discontinuity),
          'no break',
        );
      }
      process.kill(sidecar, 'SIGCONT');
      const end = witness.end(other);
      await until('the former owner follows', 60, async () => endOf((await ask(owner.url, PLAYLIST)).text) > end);
      return `the next segment ${lateSeconds.toFixed(1)} s later than the rhythm`;
    } finally {
      process.kill(sidecar, 'SIGCONT');
    }
  });
}

/** An edge that does not reach the owner, while another one does: nobody takes over, and it goes on all the same. */
export function withoutOwner(stage: Stage): Promise<string> {
  const { owner, other, third, route, source } = stage;
  return witnessed(stage, async (witness) => {
    const cable = await Cable.lay(owner.owner.address);
    try {
      const owners = [{ ...owner.owner, address: cable.address }, other.owner, third.owner];
      third.operator.send({ type: 'route', route: { ...route, owners } });
      await witness.sees(third, 2);
      cable.cut();
      const from = witness.end(third);
      const polls = source.requests.filter((path) => path.endsWith('.m3u8')).length;
      const cutAt = performance.now();
      for (const edge of [owner, other, third]) await witness.sees(edge, 5, from);
      const seconds = (performance.now() - cutAt) / 1000;
      const grown = source.requests.filter((path) => path.endsWith('.m3u8')).length - polls;
      assert.ok(
        grown <= seconds * 2 + 3,
        `the source saw ${grown} polls in ${seconds} s: more than those of one client`,
      );
      cable.mend();
      await witness.sees(third, 2, witness.end(owner));
      for (const edge of [owner, other, third]) assert.deepEqual(witness.refusals(edge), []);
      return '';
    } finally {
      await cable.close();
    }
  });
}

/** An owner that cannot read its source shows what it has, as all do, and goes on where the source does. */
export function withoutSource(stage: Stage): Promise<string> {
  const { owner, other, third, source } = stage;
  const edges = [owner, other, third];
  return witnessed(stage, async (witness) => {
    const asked = source.requests.length;
    source.failure = { status: 503, body: 'out of order' };
    await until('the owner asks in vain', 30, () => source.requests.length >= asked + 4);
    source.failure = null;
    const from = Math.max(...edges.map((edge) => witness.end(edge)));
    for (const edge of edges) await witness.sees(edge, 3, from);
    for (const edge of edges) assert.deepEqual(witness.refusals(edge), []);
    return '';
  });
}

/** Sidecars that are killed and started again in their pods, with the files they had: first of the owner, then of another. */
export function restarted(stage: Stage): Promise<string> {
  const { owner, other, third } = stage;
  const edges = [owner, other, third];
  return witnessed(stage, async (witness) => {
    for (const edge of [owner, other]) {
      const from = Math.max(...edges.map((each) => witness.end(each)));
      await until('routes are stored', 30, () => edge.hasStoredRoutes);
      await edge.restartSidecar(() => asksToComeAgain(edge));
      for (const each of edges) await witness.sees(each, 2, from);
    }
    assert.deepEqual(witness.refusals(third), []);
    for (const edge of edges)
      assert.ok(
        witness.newest(edge)?.entries.every(({ discontinuity }) => !discontinuity),
        'no break',
      );
    return '';
  });
}

/** nginx without its sidecar tells a viewer who comes to try again, so that a page of anywhere can read it. */
async function asksToComeAgain({ url }: EdgePrograms): Promise<void> {
  const { status, headers, text } = await ask(url, `${FILM}/index.m3u8`);
  const told = [status, headers['retry-after'], headers['access-control-allow-origin'], JSON.parse(text).error.code];
  assert.deepEqual(told, [503, '1', '*', 'EDGE_UNAVAILABLE']);
}

/** An owner that is killed in the middle of a switch: whoever comes to the others sees one channel. */
export function killedInSwitch(stage: Stage): Promise<string> {
  const { owner, other, third, route } = stage;
  return witnessed(stage, async (witness) => {
    await witness.sees(third, 1);
    for (const edge of [owner, other, third])
      edge.operator.send({ type: 'route', route: { ...route, mode: 'Direct' } });
    witness.forget(owner);
    await owner.stop('SIGKILL');
    const from = Math.max(witness.end(owner), witness.end(other), witness.end(third));
    for (const edge of [other, third]) {
      await witness.sees(edge, 3, from);
      assert.deepEqual(witness.refusals(edge), []);
      assert.ok(newestUri(witness, edge).startsWith('http'), 'the switch has been made');
      assert.ok(
        witness.newest(edge)?.entries.every(({ discontinuity }) => !discontinuity),
        'no break',
      );
    }
    return '';
  });
}
