import { messageOf } from '@sluice/common/errors/error.ts';
import type { Clock } from '../../runtime/queue/clock.ts';
import { type LocalImage, localCommand } from './images.ts';
import type { Machine } from './machine.ts';
import type { PathMapping } from './paths.ts';
import { type Container, type Handler, type Probe, portNumber } from './pod.ts';

/** Where the probes and hooks of a container act. */
export interface HandlerContext {
  readonly machine: Machine;
  readonly clock: Clock;
  readonly container: Container;
  readonly image: LocalImage;
  readonly podIp: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly mappings: readonly PathMapping[];
  readonly directory: string;
}

/** Something to do in a container: what probes and hooks have in common. */
type Deed = Pick<Probe, 'tcpSocket'> & Handler;

/**
 * Does what a probe or hook says within its time.
 * @returns null if it succeeded, else why not
 */
export async function perform(deed: Deed, timeoutMs: number, context: HandlerContext): Promise<string | null> {
  const { machine, container, podIp } = context;
  if (deed.exec !== undefined) return runCommand(deed.exec.command, timeoutMs, context);
  if (deed.sleep !== undefined) return pause(Math.min(deed.sleep.seconds * 1000, timeoutMs), context.clock);
  const named = deed.httpGet?.port ?? deed.tcpSocket?.port;
  if (named === undefined) return null;
  const port = portNumber(container, named);
  if (port === null) return `container ${container.name} has no port named ${named}`;
  if (deed.httpGet === undefined) {
    return (await machine.connect(podIp, port, timeoutMs)) ? null : `port ${port} takes no connection`;
  }
  const url = `http://${podIp}:${port}${deed.httpGet.path}`;
  return (await machine.get(url, timeoutMs)) ? null : `${url} does not answer with 200`;
}

async function runCommand(
  command: readonly string[],
  timeoutMs: number,
  context: HandlerContext,
): Promise<string | null> {
  const { machine, clock, image, environment, mappings, directory } = context;
  const words = localCommand(command, image, mappings);
  let last = '';
  const onLine = (line: string): void => {
    last = line;
  };
  try {
    const process = await machine.launch({ command: words, environment, directory, onLine });
    let late = false;
    const cancel = clock.setTimer(() => {
      late = true;
      process.kill();
    }, timeoutMs);
    const { exitCode } = await process.ended;
    cancel();
    if (late) return `${command.join(' ')} did not end within ${timeoutMs / 1000} s`;
    return exitCode === 0 ? null : `${command.join(' ')} ended with ${exitCode}: ${last}`;
  } catch (error) {
    return messageOf(error);
  }
}

function pause(milliseconds: number, clock: Clock): Promise<null> {
  return new Promise((resolve) => {
    clock.setTimer(() => resolve(null), milliseconds);
  });
}
