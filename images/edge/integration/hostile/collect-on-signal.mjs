/**
 * Loaded into a sidecar before its own code (`--expose-gc --import`): collects its garbage at each SIGUSR2, so that what one
 * attack has left behind is not taken for the room that the next one needs.
 */
process.on('SIGUSR2', () => globalThis.gc?.());
