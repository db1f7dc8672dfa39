import type { IncomingHttpHeaders } from 'node:http';

/**
 * Programs that say what they are: crawlers, link previews, health checks. No player is called so; "CUBOT" is a phone.
 * Headless browsers are not among them, because people watch with them in tests. nginx knows it, too (nginx/playlists.ts).
 */
export const AUTOMATED_AGENT =
  /(?<!cu)bot\b|crawler|spider|slurp|facebookexternalhit|^whatsapp\/|skypeuripreview|embedly|mediapartners|kube-probe|googlehc|healthcheck|pingdom|blackbox/i;

/** Whether a request says that nobody watches what it asks for: it is served, and makes no viewer. */
export function isAutomated(headers: IncomingHttpHeaders): boolean {
  const purpose = headers['sec-purpose'] ?? headers.purpose;
  if (typeof purpose === 'string' && purpose.includes('prefetch')) return true;
  return AUTOMATED_AGENT.test(headers['user-agent'] ?? '');
}
