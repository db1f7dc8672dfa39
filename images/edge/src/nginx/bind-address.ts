import { once } from 'node:events';
import { createServer } from 'node:net';

/**
 * The address to really listen on: `::` takes both families, but nodes without IPv6 have no such socket; there it
 * means 0.0.0.0. Any other address is taken as it is.
 */
export async function usableBindAddress(
  wanted: string,
  probe: (address: string) => Promise<boolean> = canListen,
): Promise<string> {
  return wanted !== '::' || (await probe('::')) ? wanted : '0.0.0.0';
}

async function canListen(address: string): Promise<boolean> {
  const server = createServer();
  try {
    server.listen(0, address);
    await once(server, 'listening');
    return true;
  } catch {
    return false;
  } finally {
    server.close();
  }
}
