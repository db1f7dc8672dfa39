/** An owner that does not take a connection in this time is gone or frozen; pods of one cluster need milliseconds. */
export const CONNECT_TIMEOUT_MS = 1_500;
