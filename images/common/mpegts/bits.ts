import { invalidTs } from './invalid.ts';
import { byteAt } from './packet.ts';

/** Longest Exp-Golomb prefix of a legal value: 32 zeros. */
const MAX_GOLOMB_ZEROS = 32;

/** Reads bits from the most significant on. Every method throws SluiceError TS_INVALID behind the end. */
export class BitReader {
  readonly #bytes: Uint8Array;
  #position = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** The next `count` bits (0 to 32) as an unsigned number. */
  bits(count: number): number {
    if (this.#position + count > this.#bytes.length * 8) throw invalidTs('parameter set ends too early');
    let value = 0;
    for (let i = 0; i < count; i++, this.#position++) {
      value = value * 2 + ((byteAt(this.#bytes, this.#position >> 3) >> (7 - (this.#position & 7))) & 1);
    }
    return value;
  }

  /** The next bit as a flag. */
  flag(): boolean {
    return this.bits(1) === 1;
  }

  /** ue(v): unsigned Exp-Golomb (ISO/IEC 14496-10, 9.1). */
  unsigned(): number {
    let zeros = 0;
    while (!this.flag()) {
      zeros++;
      if (zeros > MAX_GOLOMB_ZEROS) throw invalidTs('parameter set has a number of more than 32 bits');
    }
    return 2 ** zeros - 1 + this.bits(zeros);
  }

  /** se(v): signed Exp-Golomb (ISO/IEC 14496-10, 9.1.1). */
  signed(): number {
    const code = this.unsigned();
    return code % 2 === 1 ? (code + 1) / 2 : -code / 2;
  }
}
