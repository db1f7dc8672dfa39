// A source of every kind of trouble, run in a pod by the suites. One path per kind.
import { createServer } from 'node:http';

const playlistHeaders = { 'content-type': 'application/vnd.apple.mpegurl', 'access-control-allow-origin': '*' };

const answers = {
  '/missing/index.m3u8': (response) => response.writeHead(404).end('no such film'),
  '/html/index.m3u8': (response) =>
    response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><title>Sign in</title>'),
  '/broken/index.m3u8': (response) =>
    response.writeHead(200, playlistHeaders).end('#EXTM3U\n#EXT-X-TARGETDURATION:zwei\n'),
  '/silent/index.m3u8': () => {},
  '/secret-redirect/index.m3u8': (response) =>
    response.writeHead(302, { location: 'http://169.254.169.254/latest/meta-data/' }).end(),
};

createServer((request, response) => {
  const answer = answers[request.url ?? ''];
  if (answer === undefined) response.writeHead(404).end();
  else answer(response);
}).listen(8080, process.env.POD_IP, () => console.log(`listening on ${process.env.POD_IP}:8080`));

process.on('SIGTERM', () => process.exit(0));
