import { z } from 'zod';
import { modeSchema } from './mode.ts';

/** The whole audience of a channel, as the operator counts it over all edges. */
export const audienceSchema = z.object({
  uid: z.string(),
  viewers: z.int().nonnegative(),
  peak: z.int().nonnegative(),
  state: z.enum(['known', 'stale', 'unknown']),
  mode: modeSchema,
  /** The last decision in words. */
  reason: z.string(),
  /** What viewers get now, by the owner's word, for edges that do not own the channel. Older operators do not say it. */
  activeMode: modeSchema.optional(),
  /** Health of the source by the owner's word, without its message, which names hosts. */
  health: z.object({ state: z.enum(['healthy', 'degraded', 'down', 'unknown']), reason: z.string() }).optional(),
});
/** See {@link audienceSchema}. */
export type Audience = z.infer<typeof audienceSchema>;
