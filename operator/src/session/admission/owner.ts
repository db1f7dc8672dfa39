/** Annotation on a Channel, or on its namespace for all Channels in it, that says whose limit its sessions count towards. */
export const OWNER_ANNOTATION = 'sluice.dev/owner';

/** Longest name of an owner; what is longer is cut, for it stands in conditions. */
const OWNER_MAX_LENGTH = 253;

/** The part of an object's metadata that an owner is read from. */
export interface Annotated {
  readonly metadata: { readonly annotations?: Readonly<Record<string, string>> | undefined };
}

/**
 * Whose limit a session counts towards, in words: the annotation of its Channel, else that of the namespace, else the
 * namespace itself. A namespace and an owner of the same name are two: nobody fills a namespace's places by its name.
 */
export function ownerOf(namespace: string, channel: Annotated | undefined, home: Annotated | undefined): string {
  const named = annotated(channel) ?? annotated(home);
  return named === undefined ? `namespace ${namespace}` : `owner ${named}`;
}

/** The owner that an object names; undefined: none, or an empty one. */
export function annotated(object: Annotated | undefined): string | undefined {
  const name = object?.metadata.annotations?.[OWNER_ANNOTATION]?.trim().slice(0, OWNER_MAX_LENGTH);
  return name === '' ? undefined : name;
}
