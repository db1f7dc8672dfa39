import { join } from 'node:path';
import type { ClusterConfig } from '../config.ts';
import { run } from '../process/command.ts';
import type { Progress } from '../progress.ts';
import { ensureTool } from '../toolchain/build.ts';

/** The two programs that a kind cluster is made with; each resolves to standard output and throws `COMMAND_FAILED`. */
export interface KindCommands {
  kind(...args: string[]): Promise<string>;
  docker(...args: string[]): Promise<string>;
}

/** kind, built from its Go module unless the cache has it, and the docker that the user has. */
export async function kindCommands(config: ClusterConfig, progress: Progress): Promise<KindCommands> {
  const kind = join(await ensureTool(config, progress, 'kind'), 'kind');
  const options = { environment: config.environment };
  return {
    kind: (...args) => run(kind, args, options),
    docker: (...args) => run('docker', args, options),
  };
}

/** True if the command ends with 0. */
export function answers(command: Promise<string>): Promise<boolean> {
  return command.then(
    () => true,
    () => false,
  );
}
