/**
 * The beginning of a text that came from outside, of so many characters (UTF-16 units) at most. It is a text of its own: V8
 * makes `slice` a view that keeps the whole text in memory, a report's megabytes for a reason's hundred characters.
 * @param mark what the end stands in for, within that length; empty: nothing
 */
export function cutText(text: string, length: number, mark = ''): string {
  if (text.length <= length) return text;
  return Buffer.from(`${text.slice(0, length - mark.length)}${mark}`, 'utf8').toString('utf8');
}
