import { createHash } from 'node:crypto';

/** Ports below this need root; a Service's are offered {@link UNPRIVILEGED_OFFSET} higher. */
const FIRST_UNPRIVILEGED_PORT = 1024;
const UNPRIVILEGED_OFFSET = 8000;

/** `http://NAME.NAMESPACE.svc`, `.svc.cluster.local`, with or without a port: the names of Kubernetes' DNS. */
const SERVICE_URL =
  /\b(https?:\/\/)([a-z0-9]([-a-z0-9]*[a-z0-9])?)\.([a-z0-9]([-a-z0-9]*[a-z0-9])?)\.svc(?:\.cluster\.local)?(?::(\d{1,5}))?(?=[/?#]|$)/g;

/**
 * The address of a Service: a pure function of its name, so that URLs can be resolved before it exists. Two of a
 * dozen Services meet once in 500 sets of names; the ports of the second one cannot be opened then, which is logged.
 * @param octet second number of the run's network, `127.<octet>.0.0/16`; Services have its upper half
 */
export function serviceAddress(octet: number, namespace: string, name: string): string {
  const digest = createHash('sha256').update(`${namespace}/${name}`).digest();
  // Neither 0 nor 255 at the end, which look like a network's own addresses.
  return `127.${octet}.${128 + ((digest[0] ?? 0) & 127)}.${1 + ((digest[1] ?? 0) % 254)}`;
}

/** Where a Service's port answers: 80 at 8080, 443 at 8443, those from 1024 on at their own number. */
export function servicePort(port: number): number {
  return port < FIRST_UNPRIVILEGED_PORT ? port + UNPRIVILEGED_OFFSET : port;
}

/** Replaces every `http(s)://NAME.NAMESPACE.svc[:PORT]` in a text by the address and port that stand for it. */
export function resolveServices(text: string, octet: number): string {
  return text.replace(SERVICE_URL, (_, scheme, name, _n, namespace, _m, port) => {
    const number = port === undefined ? (scheme === 'https://' ? 443 : 80) : Number(port);
    return `${scheme}${serviceAddress(octet, namespace, name)}:${servicePort(number)}`;
  });
}
