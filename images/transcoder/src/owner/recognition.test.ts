import { describe, expect, test } from '@jest/globals';
import { SluiceError } from '@sluice/common/errors/error.ts';
import { Recognition } from './recognition.ts';

const UNKNOWN = new SluiceError('no such session', { code: 'OWNER_REFUSED', retryable: true, status: 401 });
const UNREACHABLE = new SluiceError('refused', { code: 'OWNER_UNREACHABLE', retryable: true });
const GONE = new SluiceError('no such segment', { code: 'NOT_FOUND', retryable: false, status: 404 });
const MINUTE = 60_000;

describe('Recognition', () => {
  test('is lost after five minutes of refusals, and not before', () => {
    const recognition = new Recognition();
    for (let now = 0; now <= 5 * MINUTE; now += MINUTE) {
      recognition.failed(UNKNOWN, now);
      expect(recognition.isLost(now)).toBe(false);
    }
    expect(recognition.isLost(5 * MINUTE + 1)).toBe(true);
  });

  test('an edge that is away neither ends the wait nor begins it', () => {
    const recognition = new Recognition();
    recognition.failed(UNREACHABLE, 0);
    expect(recognition.isLost(60 * MINUTE)).toBe(false);
    recognition.failed(UNKNOWN, 0);
    recognition.failed(UNREACHABLE, MINUTE);
    expect(recognition.isLost(6 * MINUTE)).toBe(true);
  });

  test.each([
    ['an answer', (recognition: Recognition) => recognition.admitted()],
    ['a refusal of something else', (recognition: Recognition) => recognition.failed(GONE, MINUTE)],
  ])('begins anew after %s', (_, know) => {
    const recognition = new Recognition();
    recognition.failed(UNKNOWN, 0);
    know(recognition);
    expect(recognition.isLost(60 * MINUTE)).toBe(false);
  });
});
