import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { SluiceError } from '@sluice/common/errors/error.ts';
import type { ClusterConfig } from '../config.ts';
import { run, succeeds } from '../process/command.ts';
import { withLock } from '../process/lock.ts';
import type { Progress } from '../progress.ts';
import { kubernetesProgramModule } from './kubernetes-module.ts';
import { TOOLS, type Tool, type ToolName } from './tools.ts';

/** Three times what Kubernetes takes on two cores; a machine that needs longer should say so instead of hanging. */
const BUILD_TIMEOUT_SECONDS = 1800;

/** Debian's and the Go project's places; the first that answers is taken. */
const GO_CANDIDATES = ['go', '/usr/local/go/bin/go', '/usr/lib/go/bin/go'];

/**
 * Builds the tool unless the cache has it, and returns the folder that holds the binary and its links.
 * @throws SluiceError `GO_MISSING` if the machine has no Go, `COMMAND_FAILED` if the build fails
 */
export async function ensureTool(config: ClusterConfig, progress: Progress, toolName: ToolName): Promise<string> {
  const tool: Tool = TOOLS[toolName];
  const folder = join(config.cacheDirectory, 'tools', await cacheKey(config, tool));
  if (existsSync(join(folder, tool.name))) return folder;
  const onWait = (pid: number) => progress.note(`  waiting for another command (pid ${pid}) that builds ${tool.name}`);
  await withLock(join(config.cacheDirectory, 'locks'), `tool-${tool.name}`, onWait, async () => {
    if (existsSync(join(folder, tool.name))) return;
    const go = await findGo(config);
    const title = `build ${tool.name} ${tool.version} with Go, once per machine`;
    await progress.step(title, tool.usualSeconds, () => buildInto(config, go, tool, folder));
  });
  return folder;
}

/** Builds beside the final folder and moves the result there: the cache never holds half a tool. */
async function buildInto(config: ClusterConfig, go: string, tool: Tool, folder: string): Promise<void> {
  const toolsFolder = dirname(folder);
  await mkdir(toolsFolder, { recursive: true });
  const work = await mkdtemp(join(toolsFolder, '.building-'));
  try {
    const output = join(work, 'output');
    await mkdir(output);
    await build(config, go, tool, work, output);
    for (const link of tool.links) await symlink(tool.name, join(output, link));
    await rm(folder, { recursive: true, force: true });
    await rename(output, folder);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function build(config: ClusterConfig, go: string, tool: Tool, work: string, output: string): Promise<void> {
  const environment = {
    ...config.environment,
    CGO_ENABLED: '0',
    GOFLAGS: '-trimpath -buildvcs=false',
    GOBIN: output,
    // A tool may need a newer Go than the machine's; Go then fetches it through the module proxy.
    GOTOOLCHAIN: config.environment.GOTOOLCHAIN || 'auto',
    // A go.work or vendor folder of somebody's has no say in our builds.
    GOWORK: 'off',
  };
  const linkerFlags = ['-s', '-w', tool.linkerFlags].join(' ').trim();
  if (tool.source.kind === 'install') {
    const target = `${tool.source.goPackage}@v${tool.version}`;
    await run(go, ['install', '-ldflags', linkerFlags, target], {
      cwd: work,
      environment,
      timeoutSeconds: BUILD_TIMEOUT_SECONDS,
    });
    return;
  }
  const sources = join(work, 'source');
  await cp(sourceFolder(config, tool.source.folder), sources, { recursive: true });
  await writeFile(join(sources, 'go.mod'), await goMod(go, tool, environment, work));
  const args = ['build', '-mod=mod', '-ldflags', linkerFlags, '-o', join(output, tool.name), '.'];
  await run(go, args, { cwd: sources, environment, timeoutSeconds: BUILD_TIMEOUT_SECONDS });
}

async function goMod(
  go: string,
  tool: Tool,
  environment: Readonly<Record<string, string | undefined>>,
  work: string,
): Promise<string> {
  if (tool.source.kind === 'folder' && tool.source.goMod === 'kubernetes') {
    const args = ['mod', 'download', '-json', `k8s.io/kubernetes@v${tool.version}`];
    const answer = JSON.parse(await run(go, args, { environment, cwd: work })) as { GoMod: string };
    return kubernetesProgramModule(await readFile(answer.GoMod, 'utf8'), tool.version);
  }
  return `module sluice.dev/test/cluster/${tool.name}\n\ngo 1.22\n`;
}

async function cacheKey(config: ClusterConfig, tool: Tool): Promise<string> {
  const platform = `${process.platform}-${process.arch}`;
  const hash = createHash('sha256').update(tool.linkerFlags);
  if (tool.source.kind === 'folder') {
    const folder = sourceFolder(config, tool.source.folder);
    for (const name of (await readdir(folder)).sort()) hash.update(name).update(await readFile(join(folder, name)));
  }
  return `${tool.name}-${tool.version}-${platform}-${hash.digest('hex').slice(0, 8)}`;
}

function sourceFolder(config: ClusterConfig, folder: string): string {
  return join(config.repositoryRoot, 'test/cluster/go', folder);
}

async function findGo(config: ClusterConfig): Promise<string> {
  for (const candidate of GO_CANDIDATES) {
    if (await succeeds(candidate, ['version'], { environment: config.environment, cwd: '/' })) return candidate;
  }
  throw new SluiceError(
    'Go is missing. Install it (1.21 or newer) from https://go.dev/dl to /usr/local/go, then run this again.',
    {
      code: 'GO_MISSING',
      retryable: false,
    },
  );
}
