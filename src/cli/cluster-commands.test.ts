// How the CPU baseline reads in a terminal.
import { describe, expect, it } from 'vitest';
import type { CpuBaseline } from '../hosts/cpu-baseline.js';
import { showCpuBaselines } from './cluster-commands.js';
import { PLAIN } from './format.js';

const host = { model: 'EPYC', accelerator: 'kvm', lacksAlone: [], keepsFrom: null, isUnknown: false, beyond: 0 } as const;
const baseline: CpuBaseline = {
  architecture: 'x86_64', model: 'EPYC', flags: ['aes', 'avx2'],
  hosts: [{ ...host, host: 'host-1', lacksAlone: ['clwb'], keepsFrom: 'EPYC-Rome' }, { ...host, host: 'host-2', model: 'EPYC-Milan', beyond: 3 }, { ...host, host: 'host-3', isUnknown: true }],
};

describe('the CPU baseline', () => {
  it('names model and features, and who keeps all from more', () => {
    expect(showCpuBaselines([baseline], PLAIN).split('\n')).toEqual([
      'x86_64: EPYC, 2 features on all of 3 hosts',
      '  aes avx2',
      '  HOST    ITS OWN     BY   FEATURES       KEEPS ALL FROM',
      '  host-1  EPYC        kvm  0 more         model EPYC-Rome; clwb',
      '  host-2  EPYC-Milan  kvm  3 more         -',
      '  host-3  EPYC        kvm  not known yet  -',
      expect.stringContaining('can run on each of the hosts'),
    ]);
  });

  it('says when there is nothing', () => {
    expect(showCpuBaselines([], PLAIN)).toBe('no host with libvirt is online');
    expect(showCpuBaselines([{ ...baseline, model: null, flags: [] }], PLAIN)).toMatch(/^x86_64: no model that all have, 0 features on all of 3 hosts\n {2}HOST/);
  });
});
