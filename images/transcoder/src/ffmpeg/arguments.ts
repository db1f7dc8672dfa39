import type { FilterSpecification } from 'fluent-ffmpeg';
import { newCommand } from './fluent.ts';

/** One filter of a graph: labels in, labels out. */
export interface Filter {
  readonly filter: string;
  readonly options: string | readonly string[] | Readonly<Record<string, string | number>>;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
}

/** One input, a filter graph and several outputs; every option is a single word. */
export interface CommandLine {
  readonly input: string;
  readonly inputOptions: readonly string[];
  readonly filters: readonly Filter[];
  readonly outputs: readonly { readonly target: string; readonly options: readonly string[] }[];
}

/**
 * The argument vector of FFmpeg for a command line. fluent-ffmpeg knows the order and the quoting of filter graphs;
 * it does not start the process, since it cannot open further pipes.
 */
export function toArguments(line: CommandLine): readonly string[] {
  const command = newCommand()
    .input(line.input)
    .inputOptions([...line.inputOptions]);
  command.complexFilter(
    line.filters.map(({ filter, options, inputs, outputs }) => ({
      filter,
      options: options as FilterSpecification['options'],
      inputs: [...inputs],
      outputs: [...outputs],
    })),
  );
  for (const output of line.outputs) command.output(output.target).outputOptions([...output.options]);
  return command._getArguments();
}
