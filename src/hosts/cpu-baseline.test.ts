// Which CPU all hosts can give a guest, and which host keeps them from more.
import { describe, expect, it } from 'vitest';
import { aFacts, aHost } from '../../test/fixtures/cluster.js';
import { cpuBaselines } from './cpu-baseline.js';
import { newestModel } from './cpu-models.js';
import type { Host } from './host.js';
import type { HostFacts } from './host-facts.js';

const host = (name: string, facts: Partial<HostFacts>, set: Partial<Host> = {}): Host => aHost(name, { ...set, facts: aFacts(facts) });

describe('newestModel', () => {
  it.each<[readonly string[], string | null]>([
    [['486', 'qemu64', 'Nehalem', 'Westmere', 'SandyBridge'], 'SandyBridge'],
    [['EPYC', 'EPYC-Rome', 'Opteron_G5'], 'EPYC-Rome'],
    [['Haswell', 'Haswell-noTSX', 'Haswell-IBRS', 'Haswell-noTSX-IBRS'], 'Haswell-IBRS'],
    [['EPYC-Milan', 'EPYC-Milan-v1', 'EPYC-Milan-v2', 'EPYC-Rome-v4'], 'EPYC-Milan-v2'],
    [['Cascadelake-Server-v10', 'Cascadelake-Server-v9'], 'Cascadelake-Server-v10'],
    [['z13', 'max'], null],
    [[], null],
  ])('of %j is %s', (models, expected) => {
    expect(newestModel(models)).toBe(expected);
    expect(newestModel([...models].reverse())).toBe(expected);
  });
});

describe('cpuBaselines', () => {
  const new1 = host('host-1', { cpuModel: 'EPYC-Rome', usableCpuModels: ['qemu64', 'EPYC', 'EPYC-Rome'], cpuFlags: ['aes', 'avx2', 'clwb', 'lm'] });
  const new2 = host('host-2', { cpuModel: 'EPYC-Milan', usableCpuModels: ['qemu64', 'EPYC', 'EPYC-Rome', 'EPYC-Milan'], cpuFlags: ['aes', 'avx2', 'clwb', 'lm', 'pku'] });
  const old = host('host-3', { cpuModel: 'EPYC', usableCpuModels: ['qemu64', 'EPYC'], cpuFlags: ['aes', 'avx2', 'lm', 'x'] });

  it('is the newest model and the features that all have, and names who keeps all from more', () => {
    expect(cpuBaselines([old, new2, new1])).toEqual([{
      architecture: 'x86_64', model: 'EPYC', flags: ['aes', 'avx2', 'lm'],
      hosts: [
        { host: 'host-1', model: 'EPYC-Rome', accelerator: 'kvm', lacksAlone: [], keepsFrom: null, isUnknown: false, beyond: 1 },
        { host: 'host-2', model: 'EPYC-Milan', accelerator: 'kvm', lacksAlone: [], keepsFrom: null, isUnknown: false, beyond: 2 },
        { host: 'host-3', model: 'EPYC', accelerator: 'kvm', lacksAlone: ['clwb'], keepsFrom: 'EPYC-Rome', isUnknown: false, beyond: 1 },
      ],
    }]);
  });

  it('keeps architectures apart, and counts only hosts that are there and run VMs', () => {
    const arm = host('arm-1', { architecture: 'aarch64', usableCpuModels: [], cpuModel: 'unknown' });
    const some = [new1, arm, { ...old, condition: 'fenced' as const }, host('lxd', { libvirtVersion: null, usableCpuModels: [] }), aHost('bare', { facts: null })];
    expect(cpuBaselines(some).map(({ architecture, model, hosts }) => [architecture, model, hosts.map((one) => one.host)])).toEqual([['aarch64', null, ['arm-1']], ['x86_64', 'EPYC-Rome', ['host-1']]]);
    expect(cpuBaselines([])).toEqual([]);
  });

  it('leaves out the features of a host that are not known, and says so', () => {
    const unknown = host('host-4', { usableCpuModels: ['EPYC', 'EPYC-Rome'] });
    const [baseline] = cpuBaselines([new1, new2, unknown]);
    expect([baseline?.model, baseline?.flags]).toEqual(['EPYC-Rome', ['aes', 'avx2', 'clwb', 'lm']]);
    expect(baseline?.hosts.at(-1)).toEqual({ host: 'host-4', model: 'qemu64', accelerator: 'kvm', lacksAlone: [], keepsFrom: null, isUnknown: true, beyond: 0 });
  });
});
