import { z } from 'zod';

/** The uid of a Channel or a pod: Kubernetes gives UUIDs of 36 characters; what is longer is none, and would be kept. */
export const uidSchema = z.string().max(64);
