import { describe, expect, test } from '@jest/globals';
import { Outbox } from './outbox.ts';

/** A socket that takes what it gets only when told to. */
class SlowSocket {
  bufferedAmount = 0;
  readonly sent: string[] = [];
  isTerminated = false;
  private readonly callbacks: (() => void)[] = [];

  send(text: string, done: (error?: Error) => void): void {
    this.sent.push(text);
    this.callbacks.push(done);
  }

  terminate(): void {
    this.isTerminated = true;
  }

  drain(): void {
    this.bufferedAmount = 0;
    for (const done of this.callbacks.splice(0)) done();
  }
}

describe('the outbox of a link', () => {
  test('sends in order while the edge reads', () => {
    const socket = new SlowSocket();
    const outbox = new Outbox(socket);
    outbox.put('route:a', () => 'a1');
    outbox.put('route:b', () => 'b1');
    outbox.put('route:a', () => 'a2');
    expect(socket.sent).toEqual(['a1', 'b1', 'a2']);
  });

  test('keeps only the newest message of a key while the edge does not read', () => {
    const socket = new SlowSocket();
    const outbox = new Outbox(socket);
    outbox.put('route:z', () => 'z');
    socket.bufferedAmount = 2 * 1024 * 1024;
    for (let version = 0; version < 1000; version += 1) outbox.put('route:a', () => `a${version}`);
    outbox.put('route:b', () => 'b');
    expect([socket.sent, outbox.backlog]).toEqual([['z'], 2]);
    socket.drain();
    expect([socket.sent, outbox.backlog]).toEqual([['z', 'a999', 'b'], 0]);
  });

  test('keeps every message without a key, in order with the others, and cuts an edge that asks and does not read', () => {
    const socket = new SlowSocket();
    const outbox = new Outbox(socket);
    outbox.put('route:z', () => 'z');
    socket.bufferedAmount = 2 * 1024 * 1024;
    outbox.put(null, () => 'answer 1');
    outbox.put('route:a', () => 'a');
    outbox.put(null, () => 'answer 2');
    expect([socket.sent, outbox.backlog]).toEqual([['z'], 3]);
    socket.drain();
    expect(socket.sent).toEqual(['z', 'answer 1', 'a', 'answer 2']);
    socket.bufferedAmount = 2 * 1024 * 1024;
    for (let answer = 0; answer < 2_000; answer += 1) outbox.put(null, () => 'answer');
    expect(socket.isTerminated).toBe(false);
    outbox.put(null, () => 'answer');
    expect(socket.isTerminated).toBe(true);
  });

  test('cuts an edge that asks for many ids at once and does not read, before the answers fill the memory', () => {
    const socket = new SlowSocket();
    const outbox = new Outbox(socket);
    outbox.put('route:z', () => 'z');
    socket.bufferedAmount = 2 * 1024 * 1024;
    for (let answer = 0; answer < 20; answer += 1) outbox.put(null, () => 'answer', 10_000);
    expect(socket.isTerminated).toBe(false);
    socket.drain();
    socket.bufferedAmount = 2 * 1024 * 1024;
    for (let answer = 0; answer < 20; answer += 1) outbox.put(null, () => 'answer', 10_000);
    expect(socket.isTerminated).toBe(false);
    outbox.put(null, () => 'answer', 1);
    expect(socket.isTerminated).toBe(true);
  });
});
