import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '@sluice/common/errors/error.ts';
import type { Channel } from '@sluice/crds';
import { channelLine } from '@sluice/operator/standalone/terminal.ts';
import { defaultContext, ensureCluster, stopCluster } from './cluster/cluster.ts';
import { forwardToEdge, requireFreePort } from './install/forward.ts';
import { applyDemo, DEMO_NAMESPACE, type Installation, installSluice } from './install/install.ts';

const HELP = `Sluice on a real Kubernetes on this machine, with a demo channel.

usage: npm run cluster [-- --remove]

Ctrl-C ends the page's address but leaves the cluster running; npm run cluster:down removes it.

  --remove   Ctrl-C removes everything but the caches

environment:
  SLUICE_PORT    port of the page on 127.0.0.1, default 8080
  SLUICE_CACHE   where binaries and images are kept, default ~/.cache/sluice
`;

const DEFAULT_PORT = 8080;
const REFRESH_MILLISECONDS = 1000;

/** Prints a line whenever something about a channel has changed. */
async function followChannels({ kubectl }: Installation, signal: AbortSignal): Promise<void> {
  const shown = new Map<string, string>();
  while (!signal.aborted) {
    const list = await kubectl.get<{ items: Channel[] }>(['channels', '-A']).catch(() => null);
    for (const channel of list?.items ?? []) {
      const [key, { text }] = [`${channel.metadata.namespace}/${channel.metadata.name}`, channelLine(channel)];
      if (shown.get(key) !== text) process.stdout.write(`${new Date().toLocaleTimeString('en-GB')}  ${text}\n`);
      shown.set(key, text);
    }
    await sleep(REFRESH_MILLISECONDS, undefined, { signal }).catch(() => {});
  }
}

async function start(keep: boolean): Promise<void> {
  const context = defaultContext();
  const port = Number(process.env.SLUICE_PORT ?? DEFAULT_PORT);
  await requireFreePort(port);
  context.progress.note('Sluice on a real Kubernetes: 10 to 20 minutes on a new machine, one minute afterwards.');
  const cluster = await ensureCluster(context);
  const installation = await installSluice(cluster, {}, context);
  await applyDemo(installation, context);
  const forward = await forwardToEdge(cluster, port);
  // Only now: until here an interrupted program simply ends, and the next start goes on from there.
  const stopped = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => stopped.abort());
  process.stdout.write(`
  watch      ${forward.url}/watch/${DEMO_NAMESPACE}/film
  kubectl    export KUBECONFIG=${cluster.kubeconfigPath}
             ${cluster.kubectlPath} get channels -A --watch
  stop       Ctrl-C${keep ? ' (the cluster stays; npm run cluster:down removes it)' : ''}

`);
  await followChannels(installation, stopped.signal);
  await forward.close();
  if (!keep) await stopCluster(context);
}

const words = process.argv.slice(2);
const unknown = words.find((word) => word !== '--help' && word !== '--remove');
if (words.includes('--help')) process.stdout.write(HELP);
else if (unknown !== undefined) {
  process.stderr.write(`no such option: ${unknown}\n\n${HELP}`);
  process.exitCode = 2;
} else {
  await start(!words.includes('--remove')).catch((error: unknown) => {
    process.stderr.write(`${messageOf(error)}\n`);
    process.exitCode = 1;
  });
}
