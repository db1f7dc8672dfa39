import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '@sluice/common/errors/error.ts';
import { defaultContext, ensureCluster, stopCluster } from './cluster/cluster.ts';
import type { ChannelStatusView } from './e2e/channel-state.ts';
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

interface ChannelView {
  readonly metadata: { readonly namespace: string; readonly name: string };
  readonly status?: ChannelStatusView;
}

/** One line per channel: name, mode, viewers, reason of the last decision. */
function statusLine({ metadata, status }: ChannelView): string {
  const count = status?.viewers?.state === 'Unknown' ? 'unknown' : String(status?.viewers?.count ?? 'unknown');
  const reason = status?.decisions?.at(-1)?.reason ?? '';
  return `${metadata.namespace}/${metadata.name}  ${status?.mode ?? 'no status yet'}  viewers ${count}  ${reason}`;
}

/** Prints a line whenever something about a channel has changed. */
async function followChannels({ kubectl }: Installation, signal: AbortSignal): Promise<void> {
  const shown = new Map<string, string>();
  while (!signal.aborted) {
    const list = await kubectl.get<{ items: ChannelView[] }>(['channels', '-A']).catch(() => null);
    for (const channel of list?.items ?? []) {
      const line = statusLine(channel);
      const key = `${channel.metadata.namespace}/${channel.metadata.name}`;
      if (shown.get(key) !== line) process.stdout.write(`${new Date().toLocaleTimeString('en-GB')}  ${line}\n`);
      shown.set(key, line);
    }
    await sleep(REFRESH_MILLISECONDS, undefined, { signal }).catch(() => {});
  }
}

async function start(keep: boolean): Promise<void> {
  const context = defaultContext();
  const port = Number(process.env.SLUICE_PORT ?? DEFAULT_PORT);
  await requireFreePort(port);
  context.progress.note('Sluice on a real Kubernetes: about 20 minutes on a new machine, one minute afterwards.');
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
