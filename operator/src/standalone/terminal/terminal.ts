/** The part of a terminal's output stream that is used. */
export interface TerminalOutput {
  readonly isTTY?: boolean;
  /** Characters in a row. */
  readonly columns?: number;
  hasColors?(): boolean;
  write(text: string): unknown;
}

/** What a run writes to: lines that stay, and below them one line that is always the latest. */
export interface Terminal {
  readonly colour: boolean;
  write(line: string): void;
  /** Replaces the last line; where the output is no terminal there is none. */
  status(text: string): void;
  /** Takes the last line away. */
  end(): void;
}

const DEFAULT_COLUMNS = 80;
/** To the beginning of the row, and erase it (ECMA-48: CR, EL). */
const ERASE_ROW = '\r\x1b[K';

/** Writes to a terminal, or to a file or pipe, which gets the lines alone. */
export function createTerminal(output: TerminalOutput): Terminal {
  const isTerminal = output.isTTY === true;
  let last = '';
  const draw = (text: string) => output.write(`${ERASE_ROW}${text}${last}`);
  return {
    colour: isTerminal && output.hasColors?.() === true,
    write: (line) => void (isTerminal ? draw(`${line}\n`) : output.write(`${line}\n`)),
    status(text) {
      if (!isTerminal) return;
      // A line that is wrapped could not be erased again.
      last = text.slice(0, (output.columns ?? DEFAULT_COLUMNS) - 1);
      draw('');
    },
    end() {
      last = '';
      if (isTerminal) draw('');
    },
  };
}
