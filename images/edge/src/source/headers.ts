/** Request headers out of a Channel's Secret, and whom they are for. */
export interface SourceHeaders {
  /** Origin of the Channel's source.uri (RFC 6454). */
  readonly origin: string;
  readonly values: Readonly<Record<string, string>>;
}

/** The headers of a route's source. */
export function headersOfSource(source: {
  readonly uri: string;
  readonly headers: Readonly<Record<string, string>>;
}): SourceHeaders {
  return { origin: URL.parse(source.uri)?.origin ?? '', values: source.headers };
}

/**
 * What of the headers may go to `url`: everything to the origin that the Channel names, or to the same host where it has
 * moved from http to https, and nothing to any other one, whoever names it: a playlist or a redirect is written by others
 * than the Secret.
 */
export function headersFor({ origin, values }: SourceHeaders, url: URL): Readonly<Record<string, string>> {
  const secured = origin.replace(/^http:(?=\/\/[^:]+$)/, 'https:');
  return url.origin === origin || url.origin === secured ? values : {};
}
