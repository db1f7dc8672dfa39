/** An edge that says nothing for this time is gone or frozen; pods of one cluster need milliseconds. */
export const ANSWER_TIMEOUT_MS = 1_500;
/**
 * A node whose kernel takes no connection in this time is gone, or the way to it is: the kernel does so however busy the
 * programs are, and sends the first packet again only after a second.
 */
export const CONNECT_TIMEOUT_MS = 300;
