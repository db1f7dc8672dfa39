import { SluiceError } from '@sluice/common/errors/error.ts';

/**
 * The paths and patterns that a Dockerfile copies from its build context, as written, in order.
 * Together with the Dockerfile they decide what the image is, so that it need not be built again while they are the same.
 * @throws SluiceError `DOCKERFILE_UNSUPPORTED` for forms that this reader cannot follow (variables, here-documents, bind
 *   mounts, JSON arrays): guessing would keep an outdated image
 */
export function contextSources(dockerfile: string): readonly string[] {
  const sources: string[] = [];
  for (const instruction of instructions(dockerfile)) {
    const [name = '', ...words] = instruction.split(/\s+/);
    const flags = words.filter((word) => word.startsWith('--'));
    if (name.toUpperCase() === 'RUN' && flags.some((flag) => flag.includes('type=bind')))
      throw unsupported(instruction);
    if (name.toUpperCase() !== 'COPY' && name.toUpperCase() !== 'ADD') continue;
    if (flags.some((flag) => flag.startsWith('--from='))) continue;
    const paths = words.filter((word) => !word.startsWith('--'));
    const odd = paths.slice(0, -1).some((path) => /[$[\]"]|^<</.test(path));
    if (paths.length < 2 || odd) throw unsupported(instruction);
    sources.push(...paths.slice(0, -1));
  }
  return sources;
}

/** Instructions with continued lines joined, without comments. */
function instructions(dockerfile: string): readonly string[] {
  return dockerfile
    .split('\n')
    .filter((line) => !/^\s*#/.test(line))
    .join('\n')
    .replace(/\\\s*\n/g, ' ')
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean);
}

function unsupported(instruction: string): SluiceError {
  const message = `cannot tell which files this instruction copies; write plain paths: ${instruction}`;
  return new SluiceError(message, { code: 'DOCKERFILE_UNSUPPORTED', retryable: false });
}
