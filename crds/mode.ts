import { z } from 'zod';

/** What stands behind a channel's URL, from the cheapest to the dearest. */
export const MODES = ['Idle', 'Direct', 'Proxy', 'Transcode'] as const;
/** One of {@link MODES}. */
export const channelModeSchema = z.enum(MODES);
/** See {@link channelModeSchema}. */
export type ChannelMode = z.infer<typeof channelModeSchema>;
