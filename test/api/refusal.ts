/** One manifest that the API server must refuse, and what it must say. */
export interface Refusal {
  readonly name: string;
  readonly kind: 'Channel' | 'StreamSession';
  /** Name of the object; a valid one if left out. */
  readonly objectName?: string;
  /** Merged into the spec of `VALID_SPECS`; `null` removes a field. */
  readonly spec: object;
  /** The field that the error must name. */
  readonly field: string;
  /** The message, or enough of it to know it; a pattern where it is not a rule's own. */
  readonly message: string | RegExp;
}
