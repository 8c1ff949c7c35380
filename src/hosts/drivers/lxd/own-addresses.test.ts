// What stands beside a workload with its uuid gives its addresses up before the start, and nothing else does.
import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { instanceScript } from './client-script.js';
import type { Instance } from './instance.js';
import { startScript } from './instance-scripts.js';
import { parseInventory } from './inventory.js';
import { MARKS, spareNameOf } from './marks.js';
import { INVENTORY } from './recorded.fixture.js';

const recorded = parseInventory(INVENTORY).instances[1]!;
const UUID = String(recorded.config['volatile.uuid']);
const SPARE = spareNameOf(UUID);
const MAC = 'volatile.eth0.hwaddr';

const spare = (more: Partial<Instance> = {}, config: Readonly<Record<string, string>> = {}): Instance =>
  ({ ...recorded, name: SPARE, status: 'Stopped', ...more, config: { ...recorded.config, 'volatile.uuid': UUID, [MARKS.role]: 'spare', [MARKS.copied]: '7', [MAC]: '00:16:3e:00:00:01', ...config } });

/** The daemon as `config get`, `query` and the rest have it; what was changed, in order. */
function changedBy(others: readonly Instance[], { now = others, refuses = false } = {}): readonly string[] {
  const answer = (name: string, key: string, value: string): string => `"config get ${name} ${key} --project default") echo ${value} ;;`;
  const own = [answer(recorded.name, 'volatile.uuid', UUID), answer(recorded.name, MARKS.role, '')];
  const states = now.map(({ name, status }) => `"query /1.0/instances/${name}?project=default") printf '\\t"status": "${status}"\\n' ;;`);
  const settings = now.flatMap(({ name, config }) => ['volatile.uuid', MARKS.role].map((key) => answer(name, key, config[key] ?? '')));
  const client = `exec 3>&1
started=Stopped
client() { case "$*" in
${[...own, ...states, ...settings].join('\n')}
"query /1.0/instances/${recorded.name}?project=default") printf '\\t"status": "%s"\\n' $started ;;
*operations*) ;;
"config set "*) echo "$*" >&3; ${refuses ? 'echo "Error: Instance is busy" >&2; return 1' : ':'} ;;
"start "*) echo "$*"; started=Running ;;
*) echo "$*" >&3 ;;
esac; }
end() { exit "$1"; }`;
  const { stdout, stderr, status } = spawnSync('/bin/sh', ['-c', `${instanceScript(recorded)}\n${client}\n${startScript([recorded, ...others], UUID)}`], { encoding: 'utf8' });
  expect([status, stderr]).toEqual([0, '']);
  return stdout.trim().split('\n');
}

const START = `start ${recorded.name} --project default`;

describe('before a start', () => {
  it('a spare gives up the hardware addresses of its NICs, and is no whole copy from then on', () => {
    expect(changedBy([spare({}, { 'volatile.eth1.hwaddr': '00:16:3e:00:00:02' })])).toEqual([`config set ${SPARE} ${MARKS.copied}= ${MAC}= volatile.eth1.hwaddr= --project default`, START]);
  });

  it('it gives up the addresses, too, that a person has written at a NIC or its profile', () => {
    const eth0 = { type: 'nic', name: 'eth0', network: 'lxdbr0', 'ipv4.address': '10.0.3.7', hwaddr: '00:16:3e:00:00:09' };
    const [set, patched, last] = changedBy([spare({ expanded_devices: { eth0, eth1: { type: 'nic', name: 'eth1', network: 'lxdbr0' }, root: { type: 'disk', path: '/', pool: 'default' } } })]);
    expect(set).toContain(` ${MARKS.stripped}=true `);
    expect(patched).toBe(`query -X PATCH /1.0/instances/${SPARE}?project=default -d {"devices":{"eth0":{"type":"nic","name":"eth0","network":"lxdbr0"}}}`);
    expect(last).toBe(START);
  });

  it('nothing is done to what is another one, runs, or is no spare by now', () => {
    expect(changedBy([])).toEqual([START]);
    expect(changedBy([spare({}, { 'volatile.uuid': 'other' }), spare({ status: 'Running' })])).toEqual([START]);
    for (const now of [spare({ status: 'Running' }), spare({}, { [MARKS.role]: '' }), spare({}, { 'volatile.uuid': 'other' })]) expect(changedBy([spare()], { now: [now] })).toEqual([START]);
  });

  it('what can not be taken keeps nobody from trying', () => {
    expect(changedBy([spare()], { refuses: true })).toEqual([`config set ${SPARE} ${MARKS.copied}= ${MAC}= --project default`, START]);
  });
});
