import { z } from 'zod';

/** Modes as the API writes them; lower case in the viewer-facing HTTP API. */
export const modeSchema = z.enum(['Idle', 'Direct', 'Proxy', 'Transcode']);
/** What stands behind a channel's URL. */
export type Mode = z.infer<typeof modeSchema>;
