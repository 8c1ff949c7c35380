// What a member of a cluster of daemons says of itself is believed only where its cluster counts it, and where the kernel shows nothing else.
import { describe, expect, it } from 'vitest';
import type { CommandToken } from '../../hypervisor.js';
import type { RunResult, SshConnection } from '../ssh/ssh-connection.js';
import { ALL_WELL, AWAY, clusteredInventory, membersJson, STUB, WELL, type Said } from './clustered.fixture.js';
import { DIALECTS } from './dialect.js';
import { definitionOf } from './instance-definition.js';
import { kernelNameOf } from './instance.js';
import { parseInventory } from './inventory.js';
import { LxdHypervisor } from './lxd-hypervisor.js';

const UUID = '34214efd-0507-4b8d-8569-5306359cc488';
const OTHER = '48bfc753-9427-471e-9b32-5d9aab833f42';
const tokenFor = (uuid: string): CommandToken => ({ leaderEpoch: 2, hostEpoch: 3, workload: { uuid, epoch: 4 } });

describe('the inventory of a member', () => {
  it('has what is on it, and knows what is on others', () => {
    const { instances, elsewhere } = parseInventory(clusteredInventory());
    expect([instances.map(kernelNameOf), elsewhere]).toEqual([['c1'], [{ name: 'c1', project: 'p2', location: 'host-2', uuid: OTHER }]]);
  });

  it.each<[string, Said, RegExp]>([
    ['its cluster takes it for offline', { before: membersJson({ 'host-1': AWAY, 'host-2': WELL }) }, /takes this very member for offline \(No heartbeat for/],
    ['its cluster takes it for offline as soon as the list is there', { after: membersJson({ 'host-1': AWAY, 'host-2': AWAY }) }, /takes this very member for offline/],
    ['it was removed by force', { before: membersJson({ 'host-2': WELL }), after: membersJson({ 'host-2': WELL }), locations: ['host-2', 'host-2'] }, /has no member host-1 any more/],
    ['a container runs there that is not listed there', { monitors: 'c1\nweb\n' }, /^what the daemon says is not believed: web runs here, and its cluster does not list it here/],
    ['nothing is listed there, and something runs', { locations: ['host-2', 'host-2'] }, /c1 runs here/],
    ['nothing is said of the members', { after: '' }, /members is no JSON/],
  ])('counts as none when %s', (_name, said, why) => {
    expect(() => parseInventory(clusteredInventory(said))).toThrow(why);
  });

  it('counts though other members are away, evacuated or unknown', () => {
    const members = membersJson({ 'host-1': ['Evacuated', 'Unavailable due to maintenance'], 'host-2': AWAY, 'host-3': ['Blocked', ''] });
    expect(parseInventory(clusteredInventory({ before: members, after: members })).instances).toHaveLength(1);
  });
});

it('how one ended counts only where it ended: another member heard of it, too, and not that it was Reeve that stopped it', async () => {
  const heardOn = (location: string): string => clusteredInventory({ monitors: '' }).replace(/"status": "Running"/, '"status": "Stopped"').replace('@@reeve-section end\n', '@@reeve-section end').replace(/@@reeve-section end$/, `@@reeve-section endings\nc1 person-stopped 4102444800000 ${location}\n@@reeve-section end`);
  expect((await onMember(heardOn('host-1')).hypervisor.observe(UUID))?.reason).toBe('stopped');
  expect((await onMember(heardOn('host-2')).hypervisor.observe(UUID))?.reason).not.toBe('stopped');
});

describe('an instance on a member that is away', () => {
  it('is listed with nothing but its name, and keeps nobody from being read', () => {
    const { instances, elsewhere } = parseInventory(clusteredInventory({ stub: STUB }));
    expect([instances.map(kernelNameOf), elsewhere]).toEqual([['c1'], [{ name: 'c1', project: 'p2', location: 'host-2', uuid: OTHER }, { name: 'web', project: 'default', location: 'host-3', uuid: null }]]);
  });

  it('may be what a half is of that is on its way', () => {
    const alone = clusteredInventory({ monitors: '', stub: STUB }).replace(/"name": "c1"(?![\s\S]*"name": "c1")/, `"name": "lxd-move-of-${UUID}"`).replace(/"status": "Running"/, '"status": "Stopped"');
    expect(parseInventory(alone).instances).toEqual([]);
  });

  it('is not defined here by its name alone', async () => {
    const { hypervisor } = onMember(clusteredInventory({ stub: STUB }));
    const [own] = parseInventory(clusteredInventory()).instances;
    if (!own) throw new Error('none');
    const uuid = '00000000-0000-4000-8000-000000000000';
    await expect(hypervisor.define(tokenFor(uuid), definitionOf({ ...own, name: 'web' }, uuid, 'lxd'))).rejects.toThrow(/on its member host-3/);
  });
});

describe('what is on its way to another member', () => {
  const moving = (text: string): string => text.replace(/"name": "c1"(?![\s\S]*"name": "c1")/, `"name": "lxd-move-of-${OTHER}"`).replaceAll(UUID, OTHER).replace(/"status": "Running"/, '"status": "Stopped"');

  it('is not shown while what it is the half of is listed, on whichever member', () => {
    const { instances, elsewhere } = parseInventory(moving(clusteredInventory({ monitors: '' })));
    expect([instances, elsewhere.map(({ name }) => name)]).toEqual([[], ['c1']]);
  });

  it.each(['lxd-move-9012345678901234567', 'move-of-901234567890'])('is known by its uuid where its name does not tell: %s', async (name) => {
    const named = (text: string): string => moving(text).replace(`"name": "lxd-move-of-${OTHER}"`, `"name": "${name}"`);
    expect(parseInventory(named(clusteredInventory({ monitors: '' }))).instances).toEqual([]);
    const alone = named(clusteredInventory({ monitors: '' })).replace(`"volatile.uuid": "${OTHER}"`, '"volatile.uuid": "x"');
    const [own] = parseInventory(alone).instances;
    expect([own?.name, own?.config['volatile.uuid']]).toEqual([name, OTHER]);
    const { hypervisor, commands } = onMember(alone);
    await hypervisor.define(tokenFor(OTHER), definitionOf({ ...own!, name: 'web' }, OTHER, 'lxd'));
    expect(commands.at(-1)).toContain('client rename "$name" web');
  });

  it('a person may call an instance nearly so', () => {
    for (const name of ['lxd-move-of', 'move-of-house', 'lxd-move-1a']) expect(parseInventory(moving(clusteredInventory({ monitors: '' })).replace(`"name": "lxd-move-of-${OTHER}"`, `"name": "${name}"`)).instances).toHaveLength(1);
  });

  it('alone it is the instance: the move was cut before it had its name', () => {
    const alone = moving(clusteredInventory({ monitors: '' })).replace(`"volatile.uuid": "${OTHER}"`, '"volatile.uuid": "x"');
    expect(parseInventory(alone).instances.map(({ name }) => name)).toEqual([`lxd-move-of-${OTHER}`]);
  });
});

/** Looks get the inventory; commands are written down. */
function onMember(inventory: string) {
  const commands: string[] = [];
  const run = async (command: readonly string[]): Promise<RunResult> => {
    if (command[0] === 'timeout') return { code: 0, stdout: inventory, stderr: '' };
    commands.push(command.at(-1) ?? '');
    return { code: 0, stdout: '', stderr: '' };
  };
  return { hypervisor: new LxdHypervisor({ ssh: { settings: { name: 'host-1' }, run } as unknown as SshConnection, dialect: DIALECTS.lxd }), commands };
}

describe('commands to a member', () => {
  it('look once more on which member it is: its client would act on any of them', async () => {
    const { hypervisor, commands } = onMember(clusteredInventory());
    await hypervisor.start(tokenFor(UUID), UUID);
    expect(commands[0]).toContain('member=host-1 name=c1');
    expect(commands[0]).toMatch(/\[ "\$there" = "\$member" \] \|\| end 90/);
  });

  it('what is on another one is neither started nor defined nor set aside here', async () => {
    const { hypervisor, commands } = onMember(clusteredInventory());
    const [other] = parseInventory(clusteredInventory({ locations: ['host-1', 'host-1'] })).instances;
    if (!other) throw new Error('none');
    await expect(hypervisor.start(tokenFor(OTHER), OTHER)).rejects.toMatchObject({ code: 'not-found' });
    await expect(hypervisor.define(tokenFor(OTHER), definitionOf(other, OTHER, 'lxd'))).rejects.toThrow(/on its member host-2, not on host-1/);
    await expect(hypervisor.copies.setAside(tokenFor(UUID), UUID, false)).rejects.toThrow(/the only one in its cluster/);
    // The guard alone was asked.
    expect(commands).toEqual(['true', 'true']);
  });

  it('no copy of it is made', async () => {
    const { hypervisor } = onMember(clusteredInventory());
    await expect(hypervisor.copies.startCopy(tokenFor(UUID), { id: 'op-1', uuid: UUID, destination: { name: 'host-2' }, keepsNewest: true, bandwidthMiBps: null })).rejects.toThrow(/has each instance once/);
  });

  it('what is made on it is made on this very member', async () => {
    const { hypervisor, commands } = onMember(clusteredInventory());
    const [own] = parseInventory(clusteredInventory({ before: ALL_WELL })).instances;
    if (!own) throw new Error('none');
    await hypervisor.copies.startMake(tokenFor(UUID), { id: 'op-2', uuid: UUID, definition: definitionOf(own, UUID, 'lxd'), source: { kind: 'image', image: 'noble' } });
    expect(commands[0]).toContain('&target=$member');
  });
});
