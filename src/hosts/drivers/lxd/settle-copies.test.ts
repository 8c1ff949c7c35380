// Replica and spare change places: whatever a run that was cut short has left, the next one puts right; nothing else is touched.
import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import type { Instance } from './instance.js';
import { parseInventory } from './inventory.js';
import { MARKS, passingNameOf, spareNameOf } from './marks.js';
import { INVENTORY_WITH_REPLICA } from './recorded.fixture.js';
import { settleScript } from './settle-copies.js';

const UUID = '6a0d3a50-1a8e-4a52-9d0c-2b5f4c3f7a11';
const SPARE = spareNameOf(UUID);
const CLOUD = 'volatile.cloud-init.instance-id';
const recorded = parseInventory(INVENTORY_WITH_REPLICA).instances[0]!;

function copy(name: string, role: string, copied: number | null, status = 'Stopped'): Instance {
  return { ...recorded, name, status, config: { ...recorded.config, 'volatile.uuid': UUID, [MARKS.role]: role, [MARKS.copied]: copied === null ? '' : String(copied) } };
}

const shown = (instances: readonly Instance[]): readonly string[] => instances.map(({ name, config }) => `${name}: ${config[MARKS.role] ?? ''} ${config[MARKS.copied] ?? ''}`.trim()).sort();
const stepsOf = (instances: readonly Instance[]): readonly string[] => (settleScript(instances, UUID, 'web') ?? '').split('\n').filter((line) => line.startsWith('client rename') || /^at .*set_settings/.test(line));

/** What the daemon would have after that step. */
function after(instances: readonly Instance[], step: string): readonly Instance[] {
  const [, from, to] = /^client rename (\S+) (\S+) /.exec(step) ?? [];
  const [, at, settings = ''] = /^at (\S+); set_settings "" (.*) \|\| exit/.exec(step) ?? [];
  const set = Object.fromEntries(settings.split(' ').filter(Boolean).map((one) => [one.slice(0, one.indexOf('=')), one.slice(one.indexOf('=') + 1)]));
  if (to !== undefined) expect(instances.map(({ name }) => name)).not.toContain(to);
  expect(instances.map(({ name }) => name)).toContain(from ?? at);
  // As LXD does it: what is renamed is another machine to cloud-init.
  return instances.map((one) => (one.name === from ? { ...one, name: to ?? '', config: { ...one.config, [CLOUD]: `of ${to ?? ''}` } } : one.name === at ? { ...one, config: { ...one.config, ...set } } : one));
}

const settled = (instances: readonly Instance[]): readonly Instance[] => stepsOf(instances).reduce(after, instances);

describe('settleScript', () => {
  it('puts the newer whole copy in the place of the replica', () => {
    expect(shown(settled([copy('web', 'replica', 1), copy(SPARE, 'spare', 2)]))).toEqual([`${SPARE}: spare 1`, 'web: replica 2']);
  });

  it('ends as it should wherever it was cut short, when it is run again', () => {
    const before = [copy('web', 'replica', 1), copy(SPARE, 'spare', 2)];
    const steps = stepsOf(before);
    expect(steps).toHaveLength(6);
    for (let cut = 0; cut <= steps.length; cut += 1) {
      const left = steps.slice(0, cut).reduce(after, before);
      const end = settled(left);
      expect([cut, ...shown(end)]).toEqual([cut, `${SPARE}: spare 1`, 'web: replica 2']);
      expect(end.find(({ name }) => name === 'web')?.config, `cut after ${cut} steps`).toMatchObject({ [CLOUD]: recorded.config[CLOUD], [MARKS.cloudId]: '' });
    }
  });

  it.each<[string, readonly Instance[]]>([
    ['there is none', []],
    ['there is the replica alone', [copy('web', 'replica', 1)]],
    ['the replica is the newest', [copy('web', 'replica', 2), copy(SPARE, 'spare', 1)]],
    ['they are equally new', [copy('web', 'replica', 2), copy(SPARE, 'spare', 2)]],
    ['the spare is not whole', [copy('web', 'replica', 1), copy(SPARE, 'spare', null)]],
    ['the workload itself is there', [copy('web', '', null), copy(SPARE, 'spare', 2)]],
    ['there is what was set aside', [copy('web', 'set-aside', null), copy(SPARE, 'spare', 2)]],
    ['one of them runs', [copy('web', 'replica', 1, 'Running'), copy(SPARE, 'spare', 2)]],
    ['it is of another workload', [{ ...copy(SPARE, 'spare', 2), config: {} }]],
  ])('%s: nothing is changed', (_what, instances) => {
    expect(settleScript(instances, UUID, 'web')).toBeNull();
  });

  it('gives a whole copy that is left alone the name of its workload', () => {
    expect(shown(settled([copy(SPARE, 'spare', 2)]))).toEqual(['web: replica 2']);
    expect(shown(settled([copy('web', 'replica', null), copy(SPARE, 'spare', 2)]))).toEqual([`${SPARE}: spare`, 'web: replica 2']);
    expect(shown(settled([copy(passingNameOf(UUID), 'spare', 1), copy(SPARE, 'spare', 2)]))).toEqual([`${SPARE}: spare 1`, 'web: replica 2']);
  });

  it('is a script that a shell can read', () => {
    expect(spawnSync('/bin/sh', ['-n', '-c', settleScript([copy('web', 'replica', 1), copy(SPARE, 'spare', 2)], UUID, 'web') ?? '']).status).toBe(0);
  });
});
