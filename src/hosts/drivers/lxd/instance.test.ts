// How instances are read: who they are, how they are, and who is a replica; with recorded answers.
import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { isReplica, isShown, kernelNameOf, lastStartMs, observedOf, pathOf, refuseTwins, replicaOf, theOne, uuidOf, type Instance } from './instance.js';
import { inventoryScript, parseInventory } from './inventory.js';
import { INVENTORY, INVENTORY_WITH_REPLICA } from './recorded.fixture.js';

const UUID = '34214efd-0507-4b8d-8569-5306359cc488';
const here = parseInventory(INVENTORY);
const there = parseInventory(INVENTORY_WITH_REPLICA);
const running = here.instances.find((one) => one.project === 'default')!;
const other = here.instances.find((one) => one.project === 'p2')!;
const replica = there.instances[0]!;
const seen = (set: Partial<Instance>) => observedOf({ ...running, ...set }, UUID, 'lxd', here);

describe('parseInventory', () => {
  it('reads the instances of all projects, and the sizes of the host', () => {
    expect(here.host).toEqual({ cpus: 2, memoryMiB: 24_105 });
    expect(here.instances.map(({ name, project }) => `${project}/${name}`)).toEqual(['p2/c1', 'default/c1']);
  });

  it('is not content with half an answer', () => {
    for (const cut of [INVENTORY.slice(0, INVENTORY.indexOf('@@reeve-section end')), INVENTORY.replace('@@reeve-section sizes\n2', '@@reeve-section sizes\n'), INVENTORY.replace('"status": "Running"', '"state": "Running"')]) {
      expect(() => parseInventory(cut)).toThrow(/ended before its end|how many CPUs|can't be read/);
    }
    expect(() => parseInventory(INVENTORY.replace('"public": false', '"public": false,,'))).toThrow('is no JSON');
  });

});

describe('stops that go on', () => {
  it('are read out of the daemon\'s operations by their paths alone', () => {
    const operation = (what: string, path: string): string => ['\t\t{', `\t\t\t"description": "${what}",`, '\t\t\t"id": "x",', '\t\t\t"resources": {', '\t\t\t\t"instances": [', `\t\t\t\t\t"${path}"`, '\t\t\t\t]', '\t\t\t},', '\t\t\t"status": "Running"', '\t\t}'].join('\n');
    const running = [operation('Stopping instance', '/1.0/instances/a'), operation('Starting instance', '/1.0/instances/b'), operation('Restarting instance', '/1.0/instances/c?project=p2')];
    const answer = ['{', '\t"running": [', running.join(',\n'), '\t],', '\t"success": [', operation('Stopping instance', '/1.0/instances/d'), '\t]', '}', ''].join('\n');
    const awk = /awk '[\s\S]*?'\n/.exec(inventoryScript('lxd'))?.[0] ?? '';
    expect(execFileSync('/bin/sh', ['-c', awk], { input: answer, encoding: 'utf8' })).toBe('/1.0/instances/a\n/1.0/instances/c?project=p2\n');
  });
});

describe('observedOf', () => {
  it('shows a container as it is', () => {
    expect(seen({})).toEqual({ uuid: UUID, name: 'c1', kind: 'container', driver: 'lxd', runState: 'running', reason: 'booted', vcpus: 1, memoryMiB: 1024, autostart: true, persistent: true });
    expect(seen({ type: 'virtual-machine', ephemeral: true })).toMatchObject({ kind: 'vm', persistent: false });
  });

  it.each([
    ['Running', 'running', 'booted'], ['Starting', 'running', 'starting'], ['Frozen', 'paused', 'frozen'], ['Freezing', 'paused', 'frozen'], ['Stopping', 'stopping', 'user'],
    ['Error', 'paused', 'error'], ['Rebooting', 'paused', 'unknown state Rebooting'], ['Stopped', 'stopped', 'unknown'],
  ])('takes %s for %s (%s): what may have a process has one', (status, runState, reason) => {
    expect(seen({ status })).toMatchObject({ runState, reason });
  });

  it('does not call an end a wish: the daemon writes the same for a crash', () => {
    expect(observedOf(other, 'u', 'lxd', here)).toMatchObject({ runState: 'stopped', reason: 'ended' });
  });

  it('says how it ended, where the host\'s agent has heard it since its last start', () => {
    const startedMs = lastStartMs(other);
    const heard = (line: string) => observedOf(other, 'u', 'lxd', parseInventory(INVENTORY.replace('@@reeve-section end', `@@reeve-section endings\np2_c1 ${line}\n@@reeve-section end`)));
    for (const [cause, reason] of [['person-stopped', 'stopped'], ['person-killed', 'destroyed'], ['reeve', 'ended'], ['itself', 'ended by itself']] as const) {
      expect(heard(`${cause} ${startedMs + 1}`)).toMatchObject({ runState: 'stopped', reason });
      expect(heard(`${cause} ${startedMs - 1}`)).toMatchObject({ runState: 'stopped', reason: 'ended' });
    }
    for (const line of ['somebody 1', 'person-stopped', `person-stopped ${startedMs + 1}x`, '']) expect(heard(line)).toMatchObject({ reason: 'ended' });
    expect(seen({ status: 'Running' })).toMatchObject({ runState: 'running' });
  });

  it('does not say how it ended while somebody\'s stop of it goes on', () => {
    const going = (path: string) => observedOf(other, 'u', 'lxd', parseInventory(INVENTORY.replace('@@reeve-section instances', `@@reeve-section stopping\n${path}\n@@reeve-section instances`)));
    expect(going('/1.0/instances/c1?project=p2')).toMatchObject({ runState: 'stopping', reason: 'user' });
    for (const path of ['/1.0/instances/c1', '/1.0/instances/c12?project=p2', '']) expect(going(path)).toMatchObject({ runState: 'stopped', reason: 'ended' });
  });

  it('takes an unset autostart for what it is, and a profile for as good as an own setting', () => {
    const set = (word: string) => seen({ expanded_config: { ...running.expanded_config, 'boot.autostart': word } }).autostart;
    expect([seen({}).autostart, set('true'), set('false'), set('0')]).toEqual([true, true, false, false]);
  });
});

describe('replicas', () => {
  it('are told by their mark, and shown only while they run', () => {
    expect([isReplica(replica), isShown(replica), isShown({ ...replica, status: 'Running' }), isShown({ ...replica, status: 'Error' })]).toEqual([true, false, true, true]);
    expect([isReplica(running), isShown(running)]).toEqual([false, true]);
    expect(isReplica({ ...replica, config: {} })).toBe(false);
  });

  it('are complete when they say as of when', () => {
    expect(replicaOf(replica, UUID)).toEqual({ uuid: UUID, name: 'c1', kind: 'replica', asOfMs: 1_795_687_139_122 });
    for (const mark of [undefined, '', 'soon', '-1']) expect(replicaOf({ ...replica, config: { ...(mark === undefined ? {} : { 'user.reeve.copied': mark }) } }, UUID).asOfMs).toBeNull();
  });
});

describe('identity', () => {
  it('is the uuid; one without is nobody', () => {
    expect([uuidOf(running), uuidOf(replica), uuidOf({ ...running, config: {} })]).toEqual([UUID, UUID, null]);
  });

  it('has names for the kernel and the API in each project', () => {
    expect([kernelNameOf(running), kernelNameOf(other)]).toEqual(['c1', 'p2_c1']);
    expect(pathOf({ name: 'c 1', project: 'a&b' })).toBe('/1.0/instances/c%201?project=a%26b');
  });

  it('shows the one that runs where two have the same uuid, and does nothing to either', () => {
    const twin = { ...running, name: 'a', status: 'Stopped' };
    expect(theOne([twin, running], UUID)?.name).toBe('c1');
    expect(theOne([replica, twin], UUID)?.name).toBe('a');
    expect(theOne([other], UUID)).toBeNull();
    expect(() => refuseTwins([twin, running, other], UUID, 'host-1')).toThrow('a and c1 on host-1 have the same uuid');
    refuseTwins([running, other], UUID, 'host-1');
  });

  it('knows at least when it was started last', () => {
    expect(lastStartMs(running)).toBe(Date.parse('2026-11-26T09:58:43.004Z'));
    expect(lastStartMs(replica)).toBe(Date.parse(replica.created_at));
    expect(lastStartMs({ ...replica, created_at: '' })).toBe(0);
  });
});
