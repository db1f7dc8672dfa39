import { describe, expect, test } from '@jest/globals';
import { readCommand } from './arguments.ts';

describe('the command line of virtual viewers', () => {
  test('a channel and a number are enough', () => {
    expect(readCommand(['demo/film', '4'])).toEqual({
      namespace: 'demo',
      channel: 'film',
      count: 4,
      edgeUrl: 'http://127.0.0.1:8080',
      rung: 'source',
      fetchesSegments: true,
      heartbeats: false,
      seconds: Number.POSITIVE_INFINITY,
    });
  });

  test('everything may be said', () => {
    const words = ['film', '1', '--url', 'https://live.example.org/', '--rung', '360p', '--playlists-only'];
    expect(readCommand([...words, '--heartbeats', '--for', '20'])).toMatchObject({
      namespace: 'default',
      edgeUrl: 'https://live.example.org',
      rung: '360p',
      fetchesSegments: false,
      heartbeats: true,
      seconds: 20,
    });
  });

  test('the port of the page may be another one', () => {
    expect(readCommand(['film', '1'], '9000').edgeUrl).toBe('http://127.0.0.1:9000');
  });

  test.each([
    { words: [], says: 'name the channel' },
    { words: ['demo/film'], says: 'the number of viewers' },
    { words: ['demo/film', '0'], says: 'N must be a whole number from 1 to 1000' },
    { words: ['demo/film', 'four'], says: 'not four' },
    { words: ['demo/film/x', '4'], says: 'is no channel' },
    { words: ['Demo/film', '4'], says: 'is no channel' },
    { words: ['demo/film', '4', '5'], says: 'also 5' },
    { words: ['demo/film', '4', '--url', 'edge'], says: '--url must be' },
    { words: ['demo/film', '4', '--for', '0'], says: '--for must be' },
    { words: ['demo/film', '4', '--fast'], says: '--fast' },
  ])('$words is refused', ({ words, says }) => {
    expect(() => readCommand(words)).toThrow(says);
  });
});
