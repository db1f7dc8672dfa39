import type { ViewerMode } from './api.ts';
import type { Quality } from './player.ts';

/** The page's elements, by what is shown in them. */
export interface View {
  readonly video: HTMLVideoElement;
  showChannel(name: string): void;
  /** @param target where the channel is on its way to; its segments are prepared before the mode changes */
  showMode(mode: ViewerMode, target: ViewerMode, reason: string): void;
  /** null: not known, which is something else than nobody. */
  showViewers(count: number | null): void;
  showLatency(seconds: number | null): void;
  showQualities(qualities: readonly Quality[]): void;
  showLive(live: boolean): void;
  /** Says plainly what is wrong; null takes the notice away. */
  showNotice(notice: { readonly title: string; readonly text: string } | null): void;
  onQuality(listener: (level: number) => void): void;
  onGoToLive(listener: () => void): void;
}

/** Each mode by the name that it has in the API, and what it means to a person who watches. */
const MODE_TEXT: Record<ViewerMode, readonly [name: string, meaning: string]> = {
  idle: ['Idle', 'nobody watches'],
  direct: ['Direct', 'straight from the source'],
  proxy: ['Proxy', 'fetched once for everybody'],
  transcode: ['Transcode', 'encoded once for everybody'],
};

/** @throws Error if the document is not this page's */
export function createView(page: Document): View {
  const element = <T extends HTMLElement>(id: string): T => {
    const found = page.getElementById(id);
    if (found === null) throw new Error(`the page has no element #${id}`);
    return found as T;
  };
  const quality = element<HTMLSelectElement>('quality');
  const notice = element('notice');
  return {
    video: element<HTMLVideoElement>('video'),
    showChannel(name) {
      element('title').textContent = name;
      page.title = `${name} - Sluice`;
    },
    showMode(mode, target, reason) {
      const [name, meaning] = MODE_TEXT[mode];
      element('mode').textContent = name;
      element('mode-meaning').textContent = meaning;
      element('mode').dataset.mode = mode;
      const way = target === mode ? '' : `Changing to ${MODE_TEXT[target][0]}: `;
      if (reason !== '') element('reason').textContent = way + reason;
    },
    showViewers(count) {
      element('viewers').textContent = count === null ? 'unknown' : String(count);
    },
    showLatency(seconds) {
      element('latency').textContent = seconds === null ? 'unknown' : `${seconds.toFixed(1)} s`;
    },
    showQualities(qualities) {
      const options = [{ level: -1, label: 'Automatic' }, ...qualities].map(
        ({ level, label }) => new Option(label, String(level)),
      );
      quality.replaceChildren(...options);
      quality.disabled = qualities.length < 2;
    },
    showLive(live) {
      element('live').hidden = !live;
      element<HTMLButtonElement>('go-live').disabled = !live;
    },
    showNotice(content) {
      notice.hidden = content === null;
      element('notice-title').textContent = content?.title ?? '';
      element('notice-text').textContent = content?.text ?? '';
    },
    onQuality(listener) {
      quality.addEventListener('change', () => listener(Number(quality.value)));
    },
    onGoToLive(listener) {
      element('go-live').addEventListener('click', listener);
    },
  };
}
