/** What the child does: its input ends with the parent, however that ends; an orderly end of its own is not held up. */
const PROGRAM = "process.stdin.on('end', () => process.exit(1)).resume().unref()";

/**
 * Node's flags for a child that must not outlive this process, not even where that is killed (SIGKILL); its standard
 * input has to be a pipe of this process.
 */
export const ENDS_WITH_PARENT: readonly string[] = ['--import', `data:text/javascript,${encodeURIComponent(PROGRAM)}`];
