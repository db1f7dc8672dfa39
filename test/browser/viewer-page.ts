import type { Page } from 'playwright-core';
import { eventually } from '../install/kubectl.ts';

/** Waits for a condition in the page, given as an expression. (Playwright's own wait evaluates inside the page, which its Content-Security-Policy forbids.) */
export async function until(page: Page, expression: string, timeoutSeconds: number): Promise<void> {
  const look = async () => ((await page.evaluate<boolean>(expression)) ? true : null);
  const describePage = () => page.evaluate<string>('document.body.innerText');
  await eventually(expression, look, { timeoutSeconds }, describePage);
}

/** Waits until the viewer page has shown a second of film. */
export function untilPlaying(page: Page): Promise<void> {
  return until(page, 'document.querySelector("video").currentTime > 1', 30);
}
