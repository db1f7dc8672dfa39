import { IncomingMessage } from 'node:http';

/** A small body on its way. */
interface TakenBody {
  readonly limitBytes: number;
  readonly take: (bytes: Buffer | null) => void;
  /** What has come of it, nearly always in one part; null beyond the limit. */
  bytes: Buffer | null;
}

/**
 * A request whose small body can be had in the moment in which it has come. node:http hands bodies over by `push`, for a
 * stream that tells of them a tick later, ends after another one and is closed after a third: of a heartbeat that costs more
 * than all else that is done for it here. What a body is taken from is no stream any more: it gives no events.
 */
export class ViewerRequest extends IncomingMessage {
  #body: TakenBody | null = null;

  /**
   * Takes the body past the stream; to be called before anything has come of it, as listeners of `request` are.
   * @param limitBytes more is read and forgotten, so that an answer arrives
   * @param take gets the whole body, null for one beyond the limit; not called for one that is cut off, whose client is gone
   */
  takeBody(limitBytes: number, take: (bytes: Buffer | null) => void): void {
    this.#body = { limitBytes, take, bytes: NOTHING };
  }

  override push(part: Buffer | null, encoding?: BufferEncoding): boolean {
    const body = this.#body;
    if (body === null) return super.push(part, encoding);
    if (part !== null) addPart(body, part);
    else body.take(body.bytes);
    return true;
  }

  /** node:http lets what nobody has read flow away when it has answered: there is nothing left. */
  override resume(): this {
    return this.#body === null ? super.resume() : this;
  }
}

const NOTHING = Buffer.alloc(0);

function addPart(body: TakenBody, part: Buffer): void {
  const before = body.bytes;
  if (before === null || before.length + part.length > body.limitBytes) body.bytes = null;
  else body.bytes = before.length === 0 ? part : Buffer.concat([before, part]);
}
