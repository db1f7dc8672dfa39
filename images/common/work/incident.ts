import { z } from 'zod';
import { cutText } from '../text/cut.ts';

/**
 * What an agent tells of besides its progress, each once; the operator makes an Event of the same name of it.
 *   ResourceWarning    the encoder uses nearly all of the CPU or memory that the pod may use
 *   ForceKillRequired  FFmpeg did not end within its time after SIGTERM and got SIGKILL
 */
export const INCIDENT_REASONS = ['ResourceWarning', 'ForceKillRequired'] as const;
/** One of {@link INCIDENT_REASONS}. */
export type IncidentReason = (typeof INCIDENT_REASONS)[number];

/** Incidents that a report carries at most: the newest ones. */
export const INCIDENTS_MAX = 16;
/** Longest message in characters: a sentence or two; more is cut. */
const MESSAGE_LENGTH = 500;

/** One such incident. */
export const incidentSchema = z.object({
  reason: z.enum(INCIDENT_REASONS),
  message: z.string().transform((text) => cutText(text, MESSAGE_LENGTH)),
  /** When it happened, by the agent's clock. */
  time: z.iso.datetime(),
});
/** See {@link incidentSchema}. */
export type Incident = z.infer<typeof incidentSchema>;

/** As a report carries them, the oldest first. */
export const incidentsSchema = z.array(incidentSchema).max(INCIDENTS_MAX);
