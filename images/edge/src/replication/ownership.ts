import type { RequestListener } from 'node:http';
import { messageOf, SluiceError } from '@sluice/common/errors/error.ts';
import { ownersSchema } from '@sluice/common/link/route.ts';
import { Agent } from 'undici';
import { z } from 'zod';
import { underWaySchema } from '../channel/under-way.ts';
import { sendError } from '../http/error-answer.ts';
import { readJson } from '../http/request-body.ts';
import { entriesSchema, headSchema, knownSchema } from '../timeline/store.ts';
import { tokenMatches } from '../work/token.ts';
import { hostOf } from './address.ts';
import { ANSWER_TIMEOUT_MS } from './limits.ts';
import { MAX_KNOWN_SEGMENTS, MAX_REPLICATION_FRAME_BYTES } from './messages.ts';
import type { OwnerAddress } from './owner-link.ts';
import { MAX_UNDER_WAY, TellTurns } from './tell-turns.ts';
import { replicationToken } from './token.ts';

/** Three owners with names and addresses of any length that they may have. */
const MAX_CLAIM_BYTES = 4096;

const PATH = /^\/internal\/v1\/owners\/([\w.-]{1,128})$/;

/** What one edge tells another of a channel's owners. */
const claimSchema = z.object({
  /** At least one: a channel of which no owner is known belongs to whoever has its route. */
  owners: ownersSchema.min(1),
  term: z.int().nonnegative(),
  /** The first owner cannot be reached: the edge that is asked takes over if it cannot reach it either. */
  away: z.boolean(),
  /** The same, but nobody is to take over: an edge that reaches the owner is to show its copy, and to follow for that. */
  cutOff: z.boolean().default(false),
});
/** See {@link claimSchema}. */
export type OwnersClaim = z.infer<typeof claimSchema>;

/** What the other edge knows, after it has taken note. */
const answerSchema = z.object({
  owners: ownersSchema,
  term: z.int().nonnegative(),
  /** Its timeline, where it is the owner or has followed it until now. */
  copy: z
    .object({
      head: headSchema,
      entries: entriesSchema,
      known: z.array(knownSchema).max(MAX_KNOWN_SEGMENTS),
      /** Where it is the owner, or was it until this claim. Edges of older versions do not say it. */
      underWay: underWaySchema.nullable().default(null),
      /** When the newest entry was listed, in ms from now (negative: ago), where another edge has heard that. */
      newestInMs: z.number().nullable().default(null),
    })
    .nullable(),
  /** It follows the owner and has heard it just now: who has not is cut off alone. */
  hearsOwner: z.boolean().default(false),
});
/** See {@link answerSchema}. */
export type OwnersAnswer = z.infer<typeof answerSchema>;

/** Speaks with other edges about who owns a channel. */
export interface OwnershipClient {
  /**
   * Throws OWNER_UNREACHABLE where the edge does not answer within 1.5 s of its turn, or knows no such channel.
   * @param begun called when it is its turn
   */
  tell(to: OwnerAddress, uid: string, claim: OwnersClaim, begun?: () => void): Promise<OwnersAnswer>;
  close(): Promise<void>;
}

/** A client that proves itself by the key that all edges share. */
export function createOwnershipClient(sessionKey: Uint8Array): OwnershipClient {
  const dispatcher = new Agent({
    connect: { timeout: ANSWER_TIMEOUT_MS },
    connections: MAX_UNDER_WAY,
    maxResponseSize: MAX_REPLICATION_FRAME_BYTES,
  });
  const turns = new TellTurns();
  const post = async (to: OwnerAddress, uid: string, claim: OwnersClaim, signal: AbortSignal) => {
    const { statusCode, body } = await dispatcher.request({
      origin: `http://${to.address}`,
      path: `/internal/v1/owners/${uid}`,
      method: 'POST',
      headers: {
        authorization: `Bearer ${replicationToken(sessionKey, to.podUid)}`,
        'content-type': 'application/json',
      },
      body: JSON.stringify(claim),
      signal,
    });
    const answer: unknown = await body.json();
    return { status: statusCode, body: answer };
  };
  return {
    tell: async (to, uid, claim, begun) => {
      try {
        if (hostOf(to.address) === null) throw new Error('no address');
        const { status, body } = await turns.run(to.address, (signal) => {
          begun?.();
          return post(to, uid, claim, signal);
        });
        if (status !== 200) throw new Error(`HTTP ${status}`);
        return answerSchema.parse(body);
      } catch (error) {
        throw new SluiceError(`Edge ${to.podUid.slice(0, 100)} does not answer: ${messageOf(error)}`, {
          code: 'OWNER_UNREACHABLE',
          retryable: true,
          status: 503,
          cause: error,
        });
      }
    },
    close: () => dispatcher.destroy(),
  };
}

/** Answers other edges about the owners of channels, null for an unknown one, and hands everything else on. */
export function createOwnershipListener(
  hear: (uid: string, claim: OwnersClaim) => Promise<OwnersAnswer | null>,
  tokenSha256: string,
  others: RequestListener,
): RequestListener {
  return (request, response) => {
    const [, uid] = PATH.exec(request.url ?? '') ?? [];
    if (uid === undefined || request.method !== 'POST') {
      others(request, response);
      return;
    }
    const answer = async (): Promise<void> => {
      if (!tokenMatches(request.headers.authorization, tokenSha256)) throw refusal('UNAUTHORIZED', 401);
      const claim = claimSchema.safeParse(await readJson(request, MAX_CLAIM_BYTES));
      if (!claim.success) throw refusal('BAD_REQUEST', 400);
      const heard = await hear(uid, claim.data);
      if (heard === null) throw refusal('CHANNEL_UNKNOWN', 404);
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(heard));
    };
    answer().catch((error: unknown) => sendError(response, error));
  };
}

function refusal(code: string, status: number): SluiceError {
  return new SluiceError('This is for edges that know the channel', { code, status, retryable: false });
}
