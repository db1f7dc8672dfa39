import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ClusterConfig } from '../config.ts';
import { PAUSE_IMAGE } from '../node/containerd.ts';
import { COREDNS_IMAGE } from '../node/coredns.ts';
import type { Progress } from '../progress.ts';
import { ensureTool } from '../toolchain/build.ts';
import type { ToolName } from '../toolchain/tools.ts';
import { buildahBuild, buildahHasImage } from './buildah.ts';

/** Images without which no pod runs, each one static binary. */
const SYSTEM_IMAGES: readonly { readonly tool: ToolName; readonly reference: string }[] = [
  { tool: 'pause', reference: PAUSE_IMAGE },
  { tool: 'coredns', reference: COREDNS_IMAGE },
];

/** Builds what is missing and returns the references. */
export async function ensureSystemImages(config: ClusterConfig, progress: Progress): Promise<readonly string[]> {
  for (const { tool, reference } of SYSTEM_IMAGES) {
    const folder = await ensureTool(config, progress, tool);
    if (await buildahHasImage(config, reference)) continue;
    await progress.step(`image ${reference}`, 5, async () => {
      const context = await mkdtemp(join(config.cacheDirectory, '.image-'));
      try {
        await copyFile(join(folder, tool), join(context, tool));
        await writeFile(join(context, 'Dockerfile'), `FROM scratch\nCOPY ${tool} /${tool}\nENTRYPOINT ["/${tool}"]\n`);
        await buildahBuild(config, reference, join(context, 'Dockerfile'), context);
      } finally {
        await rm(context, { recursive: true, force: true });
      }
    });
  }
  return SYSTEM_IMAGES.map((image) => image.reference);
}
