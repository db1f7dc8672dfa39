import { messageOf, SluiceError } from '@sluice/common/errors/error.ts';
import { refusal } from '@sluice/operator/runtime/client/api-error.ts';
import { metadataOf } from '@sluice/operator/runtime/memory/fields.ts';
import { type MemoryApiServer, startMemoryApiServer } from '@sluice/operator/runtime/testing/api-server.ts';
import { readStandaloneSettings } from '@sluice/operator/standalone/settings.ts';
import { type StandaloneRun, startStandalone } from '@sluice/operator/standalone/start.ts';
import { createTerminal } from '@sluice/operator/standalone/terminal.ts';

/**
 * Runs everything in this process, as `operator --standalone` does, until SIGINT or SIGTERM. Settings come from the
 * environment.
 * @param apiPort where the tests' API server serves the run's objects on 127.0.0.1, for kubectl, curl and the scenarios;
 *   0: nowhere
 * @throws SluiceError as `startStandalone`; PORT_IN_USE for the API's port
 */
export async function runStandalone(folder: string, apiPort: number): Promise<void> {
  const settings = readStandaloneSettings(process.env, ['--standalone', folder]);
  if (settings === null) throw new RangeError('not asked for');
  const terminal = createTerminal(process.stdout);
  const run = await startStandalone(settings, terminal);
  const api = apiPort === 0 ? null : await serveApi(run, apiPort);
  if (api !== null) terminal.write(`Kubernetes API  ${api.url}`);
  for (const name of ['SIGTERM', 'SIGINT'] as const) {
    process.once(name, () => {
      Promise.all([api?.close(), run.stop()]).catch((error: unknown) => {
        process.stderr.write(`The run could not stop in order: ${messageOf(error)}\n`);
        process.exitCode = 1;
      });
    });
  }
}

async function serveApi(run: StandaloneRun, port: number): Promise<MemoryApiServer> {
  try {
    return await startMemoryApiServer(run.store, {
      address: '127.0.0.1',
      port,
      subresources: {
        'pods/log': (pod, query, response) => {
          const container = query.get('container') ?? '';
          const text = run.log(pod, container);
          const message = `container ${container} is not valid for pod ${metadataOf(pod).name}, or has not started`;
          if (text === null) throw refusal(400, 'BadRequest', message);
          response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' }).end(text);
        },
      },
    });
  } catch (cause) {
    await run.stop();
    const message = `port ${port} of 127.0.0.1 cannot be opened (${messageOf(cause)}): choose another by --api-port`;
    throw new SluiceError(message, { code: 'PORT_IN_USE', retryable: false, cause });
  }
}
