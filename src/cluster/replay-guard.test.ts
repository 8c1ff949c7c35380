// ReplayGuard: once each, never from before a restart.
import { describe, expect, it } from 'vitest';
import { ReplayGuard } from './replay-guard.js';

const message = (startStamp: number, sequence: number, link = 0, sender = 1n): { sender: bigint; link: number; startStamp: number; sequence: number } => ({ sender, link, startStamp, sequence });

describe('the replay guard', () => {
  it('accepts what is newer and refuses copies and older ones', () => {
    const guard = new ReplayGuard();
    expect([1, 2, 2, 1, 5, 4, 6].map((sequence) => guard.accept(message(100, sequence)))).toEqual([true, true, false, false, true, false, true]);
  });

  it('counts each link by itself: one may be slower', () => {
    const guard = new ReplayGuard();
    expect(guard.accept(message(100, 10, 0))).toBe(true);
    expect(guard.accept(message(100, 9, 1))).toBe(true);
    expect(guard.accept(message(100, 9, 1))).toBe(false);
  });

  it('accepts a restarted sender, and nothing of its former life on any link', () => {
    const guard = new ReplayGuard();
    expect(guard.accept(message(100, 50, 1))).toBe(true);
    expect(guard.accept(message(101, 1, 0))).toBe(true);
    expect(guard.accept(message(100, 51, 1))).toBe(false);
    expect(guard.accept(message(101, 1, 1))).toBe(true);
  });

  it('knows each sender by itself, and forgets on request', () => {
    const guard = new ReplayGuard();
    expect(guard.accept(message(100, 5, 0, 1n))).toBe(true);
    expect(guard.accept(message(50, 1, 0, 2n))).toBe(true);
    guard.forget(1n);
    expect(guard.accept(message(90, 1, 0, 1n))).toBe(true);
    expect(guard.accept(message(50, 1, 0, 2n))).toBe(false);
  });
});
