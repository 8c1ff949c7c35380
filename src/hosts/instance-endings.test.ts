// Events as LXD 5.0.2 has told them, and what is made of them.
import { describe, expect, it } from 'vitest';
import { causeOf, instanceKey, readEnding, readLifecycle, writeEnding } from './instance-endings.js';

const AT = '2026-11-26T12:51:28.318750391Z';
const line = (action: string, more: object = {}, set: object = {}): string => JSON.stringify({ location: 'none', metadata: { action, source: '/1.0/instances/ct-1', ...more }, project: 'default', timestamp: AT, type: 'lifecycle', ...set });
const asked = { requestor: { address: '@', protocol: 'unix', username: 'root' } };
const cause = (text: string, isOurs = false): string | null => {
  const news = readLifecycle(text);
  return news?.kind === 'ended' ? causeOf(news, isOurs) : null;
};

describe('what a daemon tells', () => {
  it('of a stop, of a forced one, and of an end that nobody asked for: a crash, a poweroff or reboot inside, its host going down', () => {
    expect(readLifecycle(line('instance-shutdown', asked))).toEqual({ kind: 'ended', key: 'ct-1', isAsked: true, isForced: false, atMs: Date.parse(AT), location: 'none' });
    expect([cause(line('instance-shutdown', asked)), cause(line('instance-stopped', asked)), cause(line('instance-shutdown')), cause(line('instance-stopped'))]).toEqual(['person-stopped', 'person-killed', 'itself', 'itself']);
  });
  it('of what Reeve itself has stopped', () => {
    expect([cause(line('instance-shutdown', asked), true), cause(line('instance-stopped', asked), true), cause(line('instance-shutdown'), true)]).toEqual(['reeve', 'reeve', 'itself']);
  });
  it('of a new beginning, under any name and in any project', () => {
    for (const action of ['instance-started', 'instance-restarted', 'instance-renamed', 'instance-deleted']) expect(readLifecycle(line(action))).toEqual({ kind: 'begun', key: 'ct-1' });
    expect(readLifecycle(line('instance-started', { source: '/1.0/instances/a?project=p' }, { project: 'p' }))).toEqual({ kind: 'begun', key: 'p_a' });
  });
  it('of anything else says nothing', () => {
    for (const text of ['', 'Error: websocket: close 1006', '7', 'null', line('instance-paused', asked), line('instance-updated'), line('instance-exec'), line('image-created', { source: '/1.0/images/x' }), line('instance-stopped', {}, { timestamp: 'x' })]) expect(readLifecycle(text)).toBeNull();
  });
});

it('is read as it was written', () => {
  const ending = { cause: 'person-stopped', atMs: 1_795_697_488_318 } as const;
  expect(readEnding(writeEnding(ending))).toEqual(ending);
  expect(readEnding(writeEnding({ ...ending, location: 'host-2' }))).toEqual({ ...ending, location: 'host-2' });
  expect(writeEnding({ ...ending, location: 'none' })).toBe(writeEnding(ending));
  for (const text of ['', 'person-stopped', 'crash 5', 'itself five', 'itself 5 6x']) expect(readEnding(text)?.cause ?? null).toBe(text === 'itself 5 6x' ? 'itself' : null);
  expect([instanceKey('default', 'a'), instanceKey('p', 'a')]).toEqual(['a', 'p_a']);
});
