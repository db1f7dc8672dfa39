import { SluiceError } from '@sluice/common/errors/error.ts';
import { agentReportSchema, MAX_SEGMENT_BYTES, MP4_TYPE, WORK_POLL_SECONDS } from '@sluice/common/work/contract.ts';
import express, { type Express, type NextFunction, type Request, type Response } from 'express';
import { z } from 'zod';
import type { ReadingRoom } from '../source/room.ts';
import { type Desk, findDesk, type SessionOwners } from './desk.ts';
import { tokenMatches } from './token.ts';
import { UploadRoom, uploadLength } from './upload-room.ts';

/** An agent's report is a few hundred bytes; its message at most some lines of FFmpeg. */
const MAX_REPORT_BYTES = 64 * 1024;

const integer = z.coerce.number().int();

const pollSchema = z.object({
  epoch: integer.nonnegative(),
  after: integer.min(-1),
  ended: z.stringbool({ truthy: ['true'], falsy: ['false'] }).optional(),
});
const sourceSchema = z.object({ epoch: integer.positive(), msn: integer.nonnegative() });
const segmentSchema = sourceSchema.extend({ rung: z.string().regex(/^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$/) });
const attemptSchema = integer.positive();

function refusal(code: string, status: number, message: string): SluiceError {
  return new SluiceError(message, { code, status, retryable: false });
}

/** Reads a value of the request; throws BAD_REQUEST (400) that names what is wrong. */
function checked<T>(schema: z.ZodType<T>, value: unknown, what: string): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw refusal('BAD_REQUEST', 400, `${what}: ${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}`.trim());
}

/**
 * The desk and attempt of a request. An unknown session and a wrong token get the same answer, so that tokens of one
 * namespace cannot be used to look for sessions of another.
 */
function admit(owners: SessionOwners, request: Request): { desk: Desk; attempt: number } {
  const { namespace, session } = request.params;
  const desk = findDesk(owners, String(namespace), String(session));
  const sha256 = desk?.tokenSha256 ?? '0'.repeat(64);
  if (!tokenMatches(request.header('authorization'), sha256) || desk === null) {
    throw refusal('SESSION_UNKNOWN', 401, 'There is no such session here, or its token is another one');
  }
  const attempt = checked(attemptSchema, request.header('sluice-attempt'), 'Sluice-Attempt');
  if (!desk.called(attempt)) throw refusal('ATTEMPT_SUPERSEDED', 409, 'A newer attempt of this session works');
  return { desk, attempt };
}

type Handler = (request: Request, response: Response) => Promise<void> | void;

function guarded(handler: Handler): (request: Request, response: Response, next: NextFunction) => void {
  return (request, response, next) => {
    Promise.resolve()
      .then(() => handler(request, response))
      .catch(next);
  };
}

/** Aborts when the client of this response goes away. */
function goneSignal(response: Response): AbortSignal {
  const abort = new AbortController();
  response.on('close', () => abort.abort());
  return abort.signal;
}

function answerError(error: unknown, _request: Request, response: Response, next: NextFunction): void {
  if (response.headersSent) {
    next(error);
    return;
  }
  const fromParser = error instanceof Error && 'status' in error && typeof error.status === 'number';
  const known =
    error instanceof SluiceError
      ? error
      : fromParser
        ? refusal('BAD_REQUEST', error.status as number, error.message)
        : refusal('INTERNAL', 500, 'Something went wrong at the edge; its log says what');
  if (known.retryAfterSeconds !== undefined) response.setHeader('retry-after', String(known.retryAfterSeconds));
  response.status(known.status).json({ error: { code: known.code, message: known.message } });
}

/**
 * The work API of images/common/work/contract.ts, as the request listener of the internal port.
 * @param room that uploads share with everything else that the edge reads
 */
export function createWorkHandler(owners: SessionOwners, room: ReadingRoom): Express {
  const uploads = new UploadRoom(room);
  const router = express();
  router.disable('x-powered-by');
  const base = '/internal/v1/sessions/:namespace/:session';
  // Compressed bodies are refused: an upload's place is as large as it says, and not what it may become.
  const bytes = express.raw({ type: () => true, limit: MAX_SEGMENT_BYTES, inflate: false });
  const json = express.json({ type: () => true, limit: MAX_REPORT_BYTES, inflate: false });

  /** Before any body is read: strangers cannot make the edge hold 50 MB. */
  router.use(base, (request, response, next) => {
    const { desk, attempt } = admit(owners, request);
    response.on('close', desk.enter(request.method === 'PUT' ? uploadLength(request) : null));
    response.locals.desk = desk;
    response.locals.attempt = attempt;
    next();
  });
  const deskOf = (response: Response): { desk: Desk; attempt: number } => ({
    desk: response.locals.desk as Desk,
    attempt: response.locals.attempt as number,
  });

  router.get(
    `${base}/work`,
    guarded(async (request, response) => {
      const { epoch, after, ended } = checked(pollSchema, request.query, 'query');
      const signal = goneSignal(response);
      const { desk, attempt } = deskOf(response);
      const work = await desk.work({ epoch, after, attempt, ended }, signal, WORK_POLL_SECONDS * 1000);
      if (!signal.aborted) response.json(work);
    }),
  );
  router.get(
    `${base}/source/:epoch/:msn`,
    guarded(async (request, response) => {
      const { epoch, msn } = checked(sourceSchema, request.params, 'path');
      response.type('application/octet-stream').send(Buffer.from(await deskOf(response).desk.source(epoch, msn)));
    }),
  );
  router.get(
    `${base}/init/:epoch/:msn`,
    guarded(async (request, response) => {
      const { epoch, msn } = checked(sourceSchema, request.params, 'path');
      response.type(MP4_TYPE).send(Buffer.from(await deskOf(response).desk.init(epoch, msn)));
    }),
  );
  router.put(
    `${base}/segments/:epoch/:rung/:msn`,
    (request, response, next) => {
      const { epoch, rung, msn } = checked(segmentSchema, request.params, 'path');
      deskOf(response).desk.expected(epoch, rung, msn);
      uploads.take(uploadLength(request), request, response);
      next();
    },
    bytes,
    guarded(async (request, response) => {
      const { epoch, rung, msn } = checked(segmentSchema, request.params, 'path');
      const body: unknown = request.body;
      if (!(body instanceof Uint8Array)) throw refusal('SEGMENT_BROKEN', 422, 'The segment has no bytes');
      const { desk, attempt } = deskOf(response);
      const stored = await desk.put(epoch, rung, msn, attempt, body);
      response.status(stored === 'stored' ? 201 : 200).json({});
    }),
  );
  router.post(`${base}/report`, json, (request, response) => {
    deskOf(response).desk.report(checked(agentReportSchema, request.body, 'report'));
    response.json({});
  });
  router.post(`${base}/drain`, (_request, response) => {
    const { desk, attempt } = deskOf(response);
    response.json({ done: desk.drain(attempt) });
  });
  router.use((_request, _response, next) => next(refusal('NOT_FOUND', 404, 'There is nothing at this path')));
  router.use(answerError);
  return router;
}
