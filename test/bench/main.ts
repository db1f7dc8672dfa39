import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { SluiceError } from '@sluice/common/errors/error.ts';
import { type Context, defaultContext, ensureCluster, reachPods } from '../cluster/cluster.ts';
import { createClusterPlatform } from '../e2e/platform/cluster.ts';
import { applyDemo, DEMO_NAMESPACE, installSluice, SYSTEM_NAMESPACE, serviceAddress } from '../install/install.ts';
import { type BenchArguments, type Part, readBenchArguments } from './arguments.ts';
import { measureContainerMemory } from './container-memory.ts';
import { measureCounting } from './counting.ts';
import { measureEvents } from './edge/events.ts';
import { EDGE_PARTS, type EdgeFigures, measureEdge } from './edge/measure.ts';
import { withStarted } from './edge/subject.ts';
import { exitCodeOf } from './interruption.ts';
import { measureOperator, SIZES } from './operator/measure.ts';
import { measurePromotion } from './promotion.ts';
import { measureProxyCost } from './proxy-cost.ts';
import { measureRollout } from './rollout.ts';
import { measureRouteLatency } from './route-latency.ts';
import { type Measurement, tableOf } from './statistics.ts';

const HELP = `Measures and prints a table, each figure with its goal or its reference of the same run.

usage: npm run bench [-- PART...] [--channels N,...]

  route       threshold crossed -> new route at the edge, 100 Channels
  promotion   transcode container started -> first segments stored -> switched
  proxy       CPU of one channel in Proxy with three viewers
  memory      of operator and sidecar, resident and as the kubelet has it, after the other parts
  counting    error of the count over five edges, 100 to 10,000 virtual viewers, in virtual time
  events      server-sent events to 5,000 listeners of an edge on loopback, several hundred of whom do not read; one
              minute, without a cluster
  rollout     rolling update of three edges under 200 viewers, three minutes, without a cluster
  operator    cold start with 100, 1,000 and 10,000 Channels (or with --channels N,... of them), steady state with
              1,000 busy ones, each on a fresh API server; about 25 minutes, 6 of them for up to 1,000
  edge        an edge on loopback beside nginx alone, ten minutes, without a cluster; its memory as Kubernetes counts it
              where a cgroup can be made (root); single parts of it:
              ${EDGE_PARTS.map((part) => `edge:${part}`).join(' ')}

Without PART all of them; all but edge, counting, events, rollout and operator need the cluster, which is started.
CPU time means the same on a busy machine; wall times do not.
`;

/** Parts that need an installed Sluice, in the order in which they disturb each other least. */
async function measureInstallation(wanted: readonly string[], context: Context): Promise<Measurement[]> {
  const cluster = await ensureCluster(context);
  await reachPods(cluster, context);
  const installation = await installSluice(cluster, {}, context);
  await applyDemo(installation, context);
  const { kubectl } = installation;
  const edgeUrl = `http://${await serviceAddress(kubectl, SYSTEM_NAMESPACE, 'sluice-edge')}`;
  const addresses = { 'demo-source.demo.svc': await serviceAddress(kubectl, DEMO_NAMESPACE, 'demo-source') };
  const platform = createClusterPlatform({
    kubectl,
    edgeUrl,
    addresses,
    artifactFolder: join(tmpdir(), `sluice-bench-${process.pid}`),
    source: { url: `http://demo-source.${DEMO_NAMESPACE}.svc`, namespace: DEMO_NAMESPACE },
    nodeImage: installation.images.edge ?? '',
  });
  const parts: Readonly<Record<string, () => Promise<Measurement[]>>> = {
    proxy: () => measureProxyCost(kubectl, platform),
    promotion: () => measurePromotion(kubectl, platform),
    route: () => measureRouteLatency(kubectl, edgeUrl),
    memory: () => measureContainerMemory(kubectl),
  };
  const rows: Measurement[] = [];
  for (const [name, measure] of Object.entries(parts)) {
    if (wanted.includes(name)) rows.push(...(await context.progress.step(`measure ${name}`, 60, measure)));
  }
  return rows;
}

/** The parts of the bench of an edge that are wanted. */
async function measureEdgeParts({ edgeParts }: BenchArguments, { config, progress }: Context): Promise<EdgeFigures> {
  const wanted = EDGE_PARTS.filter((part) => edgeParts.includes(part));
  if (wanted.length === 0) return { rows: [], growth: '' };
  return withStarted((started) => measureEdge(config.repositoryRoot, progress, wanted, started));
}

/** Parts that need an installed Sluice. */
const CLUSTER_PARTS: readonly Part[] = ['proxy', 'promotion', 'route', 'memory'];

async function main(): Promise<void> {
  const wanted = readBenchArguments(process.argv.slice(2), EDGE_PARTS);
  if (wanted.help) {
    process.stdout.write(HELP);
    return;
  }
  const context = defaultContext();
  const edge = await measureEdgeParts(wanted, context);
  const rows = [...edge.rows];
  if (wanted.parts.includes('counting')) rows.push(...measureCounting());
  if (wanted.parts.includes('events')) {
    rows.push(
      ...(await withStarted((started) => measureEvents(context.config.repositoryRoot, context.progress, started))),
    );
  }
  if (wanted.parts.includes('rollout')) {
    rows.push(...(await measureRollout(context.config.repositoryRoot, context.progress)));
  }
  if (wanted.parts.includes('operator')) rows.push(...(await measureOperator(context, wanted.channels ?? SIZES)));
  if (wanted.parts.some((part) => CLUSTER_PARTS.includes(part))) {
    rows.push(...(await measureInstallation(wanted.parts, context)));
  }
  process.stdout.write(`\n${cpus().length} cores, ${cpus()[0]?.model ?? 'unknown processor'}\n\n${tableOf(rows)}\n`);
  if (edge.growth !== '') process.stdout.write(`\nGrowth of an edge, CPU in percent of a core\n\n${edge.growth}\n`);
}

await main().catch((error: unknown) => {
  const isArgument = error instanceof SluiceError && error.code === 'INVALID_ARGUMENT';
  process.stderr.write(error instanceof SluiceError ? `${error.message}\n` : `${(error as Error).stack}\n`);
  if (isArgument) process.stderr.write(`\n${HELP}`);
  process.exitCode = isArgument ? 2 : exitCodeOf(error);
});
