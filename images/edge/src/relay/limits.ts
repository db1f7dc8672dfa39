/** An owner that does not take a connection in this time is gone or frozen; pods of one cluster need milliseconds. */
export const CONNECT_TIMEOUT_MS = 1_500;

/**
 * Longest silence of an owner in seconds while it answers: a playlist waits at most 10 s for its first segment, so a
 * longer silence means that the owner hangs.
 */
export const ANSWER_TIMEOUT_SECONDS = 15;
