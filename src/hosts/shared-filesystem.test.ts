// Which pools lie on storage that others see, who has one by now, and what its file system is called next.
import { describe, expect, it } from 'vitest';
import { aFacts, aHost } from '../../test/fixtures/cluster.js';
import type { BlockFilesystem, ContainerDaemon, HostFacts } from './host-facts.js';
import type { Host, HostProof, TakenPool } from './host.js';
import { canHave, filesystemOf, isSameDevice, nextUuid, ownerOf, takersOf, whyNotTaken } from './shared-filesystem.js';

const NAME = { driver: 'lxd', pool: 'ha' } as const;
const filesystem: BlockFilesystem = { uuid: 'fs-1', sizeBytes: 100, serial: null, generation: 7 };
const daemon = (set: Partial<ContainerDaemon> = {}): HostFacts => aFacts({ containerDaemons: [{ driver: 'lxd', version: '5', address: 'x', isClustered: false, criu: false, pools: [], filesystems: [filesystem], networks: [], profiles: [], ...set }] });
const has = daemon({ pools: [{ name: 'ha', driver: 'btrfs', source: 'fs-1' }] });
const proof = (kind: HostProof['kind']): HostProof => ({ kind, evidence: 'x', atMs: 0, bootId: null, hostEpoch: 1 });
const host = (name: string, facts: HostFacts, set: Partial<Host> = {}): Host => aHost(name, { facts, ...set });
const taken = (by: Host, isDone = true): TakenPool => ({ ...NAME, ...filesystem, newUuid: 'fs-2', byHostId: by.id, isClaimed: isDone, isDone, atMs: 0 });

describe('a pool on a device', () => {
  it.each<[string, ContainerDaemon['pools'][number]]>([
    ['known by its path', { name: 'ha', driver: 'btrfs', source: '/dev/sdb' }],
    ['of another driver', { name: 'ha', driver: 'zfs', source: 'fs-1' }],
    ['on no device that is seen', { name: 'ha', driver: 'btrfs', source: 'fs-9' }],
    ['whose daemon does not say', { name: 'ha', driver: 'btrfs', source: null }],
  ])('%s is none', (_name, pool) => expect(filesystemOf(daemon({ pools: [pool] }), NAME)).toBeNull());

  it('is the same by what is on it, its size, and its own name where both know it', () => {
    expect(filesystemOf(has, NAME)).toEqual(filesystem);
    expect(isSameDevice(filesystem, { ...filesystem, serial: 'a' })).toBe(true);
    for (const other of [{ ...filesystem, uuid: 'x' }, { ...filesystem, sizeBytes: 1 }]) expect(isSameDevice(filesystem, other)).toBe(false);
    expect(isSameDevice({ ...filesystem, serial: 'b' }, { ...filesystem, serial: 'a' })).toBe(false);
  });

  it.each<[string, HostFacts, RegExp | null]>([
    ['sees it', daemon(), null],
    ['sees it under its next name', daemon({ filesystems: [{ ...filesystem, uuid: nextUuid('fs-1') }] }), null],
    ['has begun to have it', daemon({ pools: [{ name: 'ha', driver: 'btrfs', source: nextUuid('fs-1') }] }), null],
    ['has no LXD', aFacts(), /has no LXD/],
    ['does not see it', daemon({ filesystems: [] }), /does not see the device/],
    ['sees a clone of another size', daemon({ filesystems: [{ ...filesystem, sizeBytes: 99 }] }), /does not see the device/],
    ['is in a cluster of daemons', daemon({ isClustered: true }), /cluster of daemons/],
    ['has another pool of that name', daemon({ pools: [{ name: 'ha', driver: 'dir', source: '/x' }] }), /of its own/],
  ])('one that %s', (_name, facts, why) => {
    const told = whyNotTaken(facts, NAME, filesystem);
    if (why === null) expect(told).toBeNull();
    else expect(told).toMatch(why);
  });

  it('is called differently after each take-over, and the same by whoever works it out', () => {
    const uuids = [0, 1, 2, 3].reduce<string[]>((all) => [...all, nextUuid(all.at(-1) ?? '740a35cd-a904-49a1-baa1-57906c564cd1')], []);
    expect(uuids[0]).toBe('d272a57f-5098-8af2-a1f6-30f50f728688');
    expect(new Set(uuids).size).toBe(4);
    for (const uuid of uuids) expect(uuid).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}$/);
  });
});

describe('who has it', () => {
  const [two, three] = [host('host-2', daemon()), host('host-3', daemon())];
  const lost = host('host-1', has, { condition: 'fenced', proof: proof('power-off') });

  it('whoever took it over last; one that has only begun does not', () => {
    const moved = { ...lost, takenPools: [taken(two)] };
    const again = { ...two, takenPools: [taken(three)] };
    expect([ownerOf([lost, two, three], lost, NAME), ownerOf([moved, two, three], moved, NAME), ownerOf([moved, again, three], moved, NAME)].map(({ name }) => name)).toEqual(['host-1', 'host-2', 'host-3']);
    const begun = { ...lost, takenPools: [taken(two, false)] };
    expect(ownerOf([begun, two], begun, NAME)).toBe(begun);
    expect(takersOf([lost, two, three, host('host-4', aFacts())], lost, NAME).map(({ name }) => name)).toEqual(['host-2', 'host-3']);
  });

  it.each<[HostProof['kind'], boolean]>([['power-off', true], ['operator', true], ['lease-expired', false], ['new-boot', false], ['stopped', false]])('proven by %s, another one may have it: %s', (kind, may) => {
    const home = { ...lost, proof: proof(kind) };
    expect(canHave([home, two], home, two, NAME)).toBe(may);
  });

  it('of one that lives nobody else, and of one that was taken over its new host alone', () => {
    expect(canHave([{ ...lost, condition: 'online' }, two], { ...lost, condition: 'online' }, two, NAME)).toBe(false);
    const moved = { ...lost, takenPools: [taken(two)] };
    expect([two, three].map((one) => canHave([moved, two, three], moved, one, NAME))).toEqual([true, false]);
  });
});
