import type { Client } from './client.ts';

/**
 * The same client, which tells of each call that writes, when it is made.
 * @param onWrite must not throw
 */
export function withCountedWrites(client: Client, onWrite: () => void): Client {
  const counted =
    <Arguments extends readonly unknown[], Answer>(call: (...parts: Arguments) => Answer) =>
    (...parts: Arguments): Answer => {
      onWrite();
      return call(...parts);
    };
  return {
    get: (...parts) => client.get(...parts),
    list: (...parts) => client.list(...parts),
    watch: (...parts) => client.watch(...parts),
    getScale: (...parts) => client.getScale(...parts),
    close: () => client.close(),
    create: counted((...parts) => client.create(...parts)),
    apply: counted((...parts) => client.apply(...parts)),
    applyStatus: counted((...parts) => client.applyStatus(...parts)),
    applyScale: counted((...parts) => client.applyScale(...parts)),
    delete: counted((...parts) => client.delete(...parts)),
  };
}
