// SelfFence: when the watchdog is fed, when workloads are ended, and when a host may call itself harmless.
import { describe, expect, it } from 'vitest';
import { SelfFence, type LeaseSight } from './self-fence.js';

const sight = (set: Partial<LeaseSight>): LeaseSight => ({ nowMs: 1_000, leaseUntilMs: 2_000, under: ['w'], running: ['w'], isQuiet: false, ...set });

describe('while the lease holds', () => {
  it('the watchdog is fed and nothing is ended', () => {
    expect(new SelfFence().duty(sight({}))).toEqual({ phase: 'held', watchdog: 'feed', kill: [] });
  });

  it('a host with nothing under it holds no watchdog', () => {
    expect(new SelfFence().duty(sight({ under: [], running: [] }))).toEqual({ phase: 'free', watchdog: 'release', kill: [] });
  });

  it('a host that cannot list its processes is not free', () => {
    expect(new SelfFence().duty(sight({ under: [], running: null })).watchdog).toBe('feed');
  });
});

describe('when the lease is over', () => {
  const over = (set: Partial<LeaseSight>): LeaseSight => sight({ nowMs: 2_000, ...set });

  it('what runs under it is ended, and the watchdog is not fed', () => {
    expect(new SelfFence().duty(over({}))).toEqual({ phase: 'ending', watchdog: 'starve', kill: ['w'] });
  });

  it('it is fed again only once nothing is seen running and no command is under way', () => {
    const fence = new SelfFence();
    fence.duty(over({}));
    expect(fence.duty(over({ running: [] })).watchdog).toBe('starve');
    expect(fence.duty(over({ running: [], isQuiet: true }))).toEqual({ phase: 'ended', watchdog: 'feed', kill: [] });
  });

  it('quiet that was found before the end does not count', () => {
    expect(new SelfFence().duty(over({ running: [], isQuiet: true })).watchdog).toBe('starve');
  });

  it('processes that cannot be listed are never called gone', () => {
    const fence = new SelfFence();
    fence.duty(over({}));
    expect(fence.duty(over({ running: null, isQuiet: true }))).toEqual({ phase: 'ending', watchdog: 'starve', kill: ['w'] });
  });

  it('what appears later is ended too', () => {
    const fence = new SelfFence();
    fence.duty(over({ running: [] }));
    fence.duty(over({ running: [], isQuiet: true }));
    expect(fence.duty(over({ isQuiet: true }))).toMatchObject({ phase: 'ending', watchdog: 'starve', kill: ['w'] });
  });

  it('a lease that is got again ends it', () => {
    const fence = new SelfFence();
    fence.duty(over({}));
    expect(fence.duty(over({ leaseUntilMs: 3_000 }))).toMatchObject({ phase: 'held', watchdog: 'feed' });
    expect(fence.endedAtMs).toBeNull();
  });
});
