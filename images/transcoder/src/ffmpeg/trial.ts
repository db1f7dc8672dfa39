import { SluiceError } from '@sluice/common/errors/error.ts';
import type { Job } from '@sluice/common/work/contract.ts';
import { trialArguments } from './command.ts';
import { ENCODERS, type EncoderProfile } from './encoders.ts';
import { newCommand } from './fluent.ts';
import { runToEnd } from './process.ts';

/** Longest trial in ms: a working encoder takes a tenth of a second, a waking GPU a few seconds. */
const TRIAL_MS = 10_000;

/** The encoder chosen, and why the ones before it were not. */
export interface EncoderChoice {
  readonly encoder: string;
  /** One text for each, that begins with its name. */
  readonly refused: readonly string[];
}

/**
 * The first encoder of the job's list that encodes ten frames here.
 * @throws SluiceError NO_ENCODER (not retryable) with every encoder's reason
 */
export async function chooseEncoder(path: string, job: Job): Promise<EncoderChoice> {
  const listed = await listEncoders(path);
  const refused: string[] = [];
  for (const encoder of job.encoders) {
    const profile = ENCODERS[encoder];
    if (profile === undefined) refused.push(`${encoder}: the agent does not know it`);
    else if (!listed.has(encoder)) refused.push(`${encoder}: not in this FFmpeg`);
    else {
      const exit = await runToEnd(path, trialArguments(encoder, job.preset, trialRungs(job, profile)), TRIAL_MS);
      if (exit.code === 0) return { encoder, refused };
      refused.push(
        `${encoder}: ${exit.signal === null ? firstWords(exit.stderr) : `no result within ${TRIAL_MS / 1000} s`}`,
      );
    }
  }
  throw new SluiceError(`no encoder works here: ${refused.join('; ')}`, { code: 'NO_ENCODER', retryable: false });
}

/** The first line of FFmpeg's log is the cause, the others what followed from it; the address in it changes each time. */
function firstWords(stderr: string): string {
  const [line = ''] = stderr.split('\n');
  return line.replace(/^\[\S+ @ 0x[0-9a-f]+\] /, '') || 'FFmpeg gives no reason';
}

/** A CPU has no limit on the number of encodes; trying the largest is enough there, and quicker. */
function trialRungs({ rungs }: Job, { hardware }: EncoderProfile): Job['rungs'] {
  return hardware ? rungs : [rungs.reduce((left, right) => (right.height > left.height ? right : left))];
}

/** Names of the encoders that FFmpeg was built with. */
function listEncoders(path: string): Promise<ReadonlySet<string>> {
  return new Promise((resolve, reject) => {
    newCommand()
      .setFfmpegPath(path)
      .getAvailableEncoders((error, encoders) => {
        if (!error) return resolve(new Set(Object.keys(encoders)));
        const message = `FFmpeg does not run (${path}): install it, or name it in SLUICE_FFMPEG`;
        reject(new SluiceError(message, { code: 'FFMPEG_MISSING', retryable: false, cause: error }));
      });
  });
}
