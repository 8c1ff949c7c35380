// The verdict on a migration that ended: every pair of what the two hosts may show.
import { describe, expect, it } from 'vitest';
import type { RunState } from '../hosts/hypervisor.js';
import { settleMigration, type Settlement, type Side } from './settle-migration.js';

type Shown = RunState | 'absent' | 'blind' | 'off' | 'sending';

function side(shown: Shown): Side {
  const isSending = shown === 'sending';
  if (shown === 'off') return { look: { kind: 'blind', why: 'no route' }, provenOff: true, isSending };
  if (shown === 'blind') return { look: { kind: 'blind', why: 'no route' }, provenOff: false, isSending };
  if (shown === 'absent') return { look: { kind: 'seen', observed: null }, provenOff: false, isSending };
  const runState = shown === 'sending' ? 'running' : shown;
  return { look: { kind: 'seen', observed: { uuid: 'u', name: 'vm-1', kind: 'vm', driver: 'libvirt', runState, reason: 'booted', vcpus: 1, memoryMiB: 1, autostart: false, persistent: true } }, provenOff: false, isSending };
}

const ALL: readonly Shown[] = ['running', 'stopping', 'paused', 'migrating-in', 'migrating-out', 'stopped', 'absent', 'blind', 'off', 'sending'];

describe('settleMigration', () => {
  it.each<[Shown, Shown, Settlement]>([
    ['running', 'running', 'both'],
    ['running', 'absent', 'stayed'],
    ['running', 'stopped', 'stayed'],
    ['running', 'off', 'stayed'],
    ['running', 'blind', 'stayed'],
    ['running', 'migrating-in', 'in-between'],
    ['paused', 'absent', 'stayed-paused'],
    ['paused', 'blind', 'in-between'],
    ['paused', 'running', 'in-between'],
    ['migrating-out', 'off', 'stayed-paused'],
    ['migrating-out', 'absent', 'in-between'],
    ['absent', 'running', 'arrived'],
    ['stopped', 'running', 'arrived'],
    ['absent', 'stopped', 'ended-there'],
    ['absent', 'migrating-in', 'in-between'],
    ['absent', 'blind', 'in-between'],
    ['absent', 'absent', 'nowhere'],
    ['stopped', 'stopped', 'nowhere'],
    ['stopped', 'off', 'nowhere'],
    ['off', 'running', 'arrived'],
    ['off', 'migrating-in', 'in-between'],
    ['off', 'absent', 'source-lost'],
    ['off', 'off', 'source-lost'],
    ['off', 'blind', 'in-between'],
    ['sending', 'blind', 'in-between'],
    ['sending', 'absent', 'in-between'],
  ])('source %s, destination %s: %s', (source, destination, expected) => {
    expect(settleMigration(side(source), side(destination))).toBe(expected);
  });

  it('never lets anything be started while either side may still have a process', () => {
    const startable: readonly Settlement[] = ['nowhere', 'source-lost'];
    const gone: readonly Shown[] = ['stopped', 'absent', 'off'];
    for (const source of ALL) for (const destination of ALL) {
      if (startable.includes(settleMigration(side(source), side(destination)))) expect([gone.includes(source), gone.includes(destination)]).toEqual([true, true]);
    }
  });

  it('concludes nothing about a source that can not be seen and is not proven off', () => {
    for (const destination of ALL) expect(settleMigration(side('blind'), side(destination))).toBe('in-between');
  });
});
