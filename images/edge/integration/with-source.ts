import { EdgePrograms, freePorts, type LinkFolder } from './programs.ts';

/** Whatever was started for a scenario. */
interface Stoppable {
  stop(): Promise<unknown>;
}

/**
 * Runs a scenario with a source and one edge, and ends both whatever comes of it; where it fails the edge's log is shown.
 * @param address of the edge, on loopback
 * @returns what the scenario says
 */
export async function withSource<Source extends Stoppable>(
  link: LinkFolder,
  address: string,
  start: () => Promise<Source>,
  run: (source: Source, edge: EdgePrograms) => Promise<string>,
): Promise<string> {
  const source = await start();
  try {
    const edge = await EdgePrograms.start(address, await freePorts(), link);
    try {
      return await run(source, edge);
    } catch (error) {
      process.stdout.write(edge.log);
      throw error;
    } finally {
      await edge.stop();
    }
  } finally {
    await source.stop();
  }
}
