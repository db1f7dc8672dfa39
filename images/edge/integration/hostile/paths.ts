import assert from 'node:assert/strict';
import type { EdgePrograms } from '../programs.ts';
import { ask, FILM, urisOf } from '../stage.ts';
import { exchange, statusOf } from './raw.ts';

const UP = [
  '../',
  '..%2f',
  '%2e%2e/',
  '%2e%2e%2f',
  '..%5c',
  '..\\',
  '..%c0%af',
  '....//',
  '%252e%252e%252f',
  '..;/',
  '.%00./',
];

/** Ways out of every folder that nginx serves. */
const TRAVERSALS: readonly string[] = UP.flatMap((up) => {
  const out = up.repeat(12);
  return [
    `/${out}etc/passwd`,
    `/live/default/film/s/${out}etc/passwd`,
    `/live/default/film/s/x/${out}etc/passwd%00.ts`,
    `/live/${out}etc/x.m3u8`,
    `/assets/${out}etc/passwd`,
    `/assets${up}nginx.conf`,
    `/assets/${up}${up}run/nginx.conf`,
    `/watch/a/${out}etc/passwd`,
    `/api/stream/${out}etc/passwd`,
    `/live/default/film/s/${up.repeat(3)}run/routes.json`,
  ];
});

/** What nobody outside may see: passwords of the machine, routes with secrets, nginx's configuration. */
const SECRET = /root:|"headers"|worker_processes|proxy_pass/;

/** Asks for what lies outside of the folders, and inside. @returns how many ways were tried */
export async function traverse(edge: EdgePrograms): Promise<number> {
  const targets = [
    ...TRAVERSALS,
    'http://127.0.0.1/etc/passwd',
    'file:///etc/passwd',
    '*',
    '//etc/passwd',
    '/.error/404',
  ];
  const tries = targets.map(async (target) => {
    const text = await exchange(edge, `GET ${target} HTTP/1.1\r\nHost: edge\r\nConnection: close\r\n\r\n`);
    assert.ok([400, 404, 405].includes(statusOf(text)), `${target}: ${text.slice(0, 200)}`);
    assert.ok(!SECRET.test(text), `${target}: ${text}`);
  });
  await Promise.all(tries);
  return targets.length;
}

/** Queries and headers that caches do not know, or know otherwise than the edge. */
const POISONS: readonly (readonly [query: string, headers: Record<string, string>])[] = [
  ['?session=anna&session=eve', {}],
  ['?session=%22%0d%0aX-Evil:%20poison', {}],
  ['?session=anna&x=%3Cscript%3Epoison', {}],
  ['?session=anna;x=poison', {}],
  ['?session=anna%23poison', {}],
  ['?session=anna', { 'x-forwarded-host': 'poison.example' }],
  ['?session=anna', { 'x-forwarded-proto': 'poison', 'x-forwarded-prefix': '/poison' }],
  ['?session=anna', { 'x-original-url': '/poison', 'x-rewrite-url': '/poison' }],
  ['?session=anna', { 'x-accel-redirect': '/poison' }],
  ['?session=anna', { host: 'poison.example' }],
  ['?session=anna', { 'x-http-method-override': 'DELETE' }],
  ['?session=anna', { range: 'bytes=0-4' }],
  ['?session=anna', { 'if-none-match': '*' }],
];

/**
 * Whatever stands in query and headers, a media playlist is the same for everybody, and what is made for one viewer is never
 * kept: no answer that a cache may keep has anything of the request in it.
 */
export async function poison(edge: EdgePrograms): Promise<number> {
  for (const [query, headers] of POISONS) {
    for (const name of ['index', 'source']) {
      const answer = await ask(edge.url, `${FILM}/${name}.m3u8${query}`, { headers });
      const about = `${name}${query} ${JSON.stringify(headers)}: ${answer.status} ${JSON.stringify(answer.headers)}`;
      assert.ok([200, 304, 400].includes(answer.status), about);
      assert.ok(
        !`${JSON.stringify(answer.headers)}${answer.status === 200 ? answer.text : ''}`.includes('poison'),
        about,
      );
      if (answer.status === 200) assert.ok(answer.text.startsWith('#EXTM3U'), about);
      assert.match(
        String(answer.headers['cache-control'] ?? ''),
        name === 'index' ? /^no-store$/ : /^no-(cache|store)$/,
        about,
      );
    }
  }
  const { text } = await ask(edge.url, `${FILM}/source.m3u8`);
  const uri = urisOf(text).at(-1) ?? 'none';
  const whole = await ask(edge.url, `${FILM}/${uri}`);
  assert.deepEqual((await ask(edge.url, `${FILM}/${uri}?poison=1`)).body, whole.body);
  // Of a segment that is not there nobody may keep that it is not.
  const missing = await ask(edge.url, `${FILM}/${uri.replace(/\d+\.\d+\.ts$/, '999999999.0.ts')}?x`);
  assert.equal(missing.status, 404);
  assert.doesNotMatch(String(missing.headers['cache-control']), /immutable|max-age=[1-9]/);
  return POISONS.length;
}
