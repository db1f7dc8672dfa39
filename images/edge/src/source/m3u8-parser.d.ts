/** The part of m3u8-parser's interface that is used; its results are checked by a schema, so they are `unknown` here. */
declare module 'm3u8-parser' {
  export class Parser {
    readonly manifest: unknown;
    push(chunk: string): void;
    end(): void;
  }
}
