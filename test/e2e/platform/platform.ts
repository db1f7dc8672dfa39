/** Kinds of objects that the scenarios touch. */
export type Kind = 'Channel' | 'StreamSession' | 'Deployment' | 'Pod' | 'Service' | 'Namespace' | 'Event';

/** An object as far as every scenario reads it; what more it reads it names by the type parameter of `get` and `list`. */
export interface PlatformObject {
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly uid?: string };
}

/** How an object is deleted. */
export interface DeleteOptions {
  /** Seconds that a pod has to end; 0 kills it at once. The pod's own if left out. */
  readonly graceSeconds?: number;
}

/** How long the scenarios take, where they may choose. */
export interface Pace {
  /** `hysteresisSeconds` of the channels: long enough that every delayed change shows its delay. */
  readonly hysteresisSeconds: number;
  /** How long a state is watched before it is judged, in seconds; several target durations of 2 s. */
  readonly watchSeconds: number;
  /** `transcode.preset` of the channels, where it is not the example's own. */
  readonly preset: 'ultrafast' | 'veryfast';
}

/** A demo source for the suites' own channels. Its playlist is `<url>/<any word>/film/index.m3u8`: each suite takes its own word. */
export interface FilmSource {
  /** Base URL as Channels name it, without a slash at the end. */
  readonly url: string;
  /** Namespace of its pod, whose log tells who has fetched what. */
  readonly namespace: string;
}

/**
 * Where Sluice runs, as the scenarios see it: an API that keeps objects, and pods behind it. The scenarios are written
 * once against this, and run on a real Kubernetes (by kubectl) and on the standalone operator (by its HTTP API).
 */
export interface Platform {
  readonly name: 'cluster' | 'standalone';
  /** Base URL of the edges as viewers reach them, without a slash at the end. */
  readonly edgeUrl: string;
  /** Addresses (`host` or `host:port`) of names that only the platform resolves. */
  readonly addresses: Readonly<Record<string, string>>;
  /** Folder for what suites write: segments, screenshots. */
  readonly artifactFolder: string;
  readonly source: FilmSource;
  /** Lines of the film that the demo sources play. */
  readonly filmHeight: number;
  /** Reference of an image in which `node` runs a script. */
  readonly nodeImage: string;
  readonly pace: Pace;
  /** Creates or changes objects. @param manifests YAML, one document each @throws SluiceError with the server's words */
  apply(manifests: string): Promise<void>;
  /** Asks whether one object could be created, and stores nothing. @returns it, with defaults @throws SluiceError with the server's words */
  createDryRun<T>(manifest: string): Promise<T>;
  /** null where the object does not exist. @param namespace empty for kinds without one */
  get<T extends PlatformObject>(kind: Kind, namespace: string, name: string): Promise<T | null>;
  /** @param labelSelector as on kubectl's command line; all objects if left out */
  list<T extends PlatformObject>(kind: Kind, namespace: string, labelSelector?: string): Promise<readonly T[]>;
  /** Changes an object by a JSON merge patch (RFC 7386). @throws SluiceError with the server's words */
  patch(kind: Kind, namespace: string, name: string, change: object): Promise<void>;
  /** Deletes an object and waits until it is gone; one that does not exist is gone already. */
  delete(kind: Kind, namespace: string, name: string, options?: DeleteOptions): Promise<void>;
  /** All that a container has printed, the only one if none is named. */
  logs(namespace: string, pod: string, container?: string): Promise<string>;
  /** Paths of the media files that the edges hold for a channel. */
  filesOfChannel(namespace: string, channel: string): Promise<readonly string[]>;
  /** How many TCP connections of the edges' sidecars lead to one of these IPv4 addresses, whatever their state but closed. */
  connectionsTo(addresses: readonly string[]): Promise<number>;
}
