// What a host says about itself, with a recorded answer.
import { describe, expect, it } from 'vitest';
import { hasLibvirt } from '../../host-facts.js';
import { parseFacts } from './facts.js';
import { FACTS } from './recorded.fixture.js';

describe('parseFacts', () => {
  it('reads sizes, versions, identities, bridges and pools', () => {
    expect(parseFacts(FACTS, 5)).toEqual({
      cpus: 2, memoryMiB: 24_105, freeMemoryMiB: 23_405, cpuModel: 'kvm64-v1', usableCpuModels: ['486', 'qemu64'], architecture: 'x86_64', accelerator: 'tcg',
      libvirtVersion: '11.3.0', qemuVersion: '10.0.2', kernelVersion: '6.18.44', bootId: 'f6f29614-1d8d-487a-b8c8-c4820a62220d', machineId: '000000000000000000000000abc00001',
      hostname: 'host-1', bridges: ['br0', 'virbr0'], containerDaemons: [], watchdogDevice: false, refreshedAtMs: 5, hugepages: [], ksmSavedMiB: 0, cpuFlags: ['3dnow', 'aes', 'apic', 'avx2', 'lm', 'nx'],
      pools: [
        { name: 'local', path: '/srv/local', markerId: null, freeMiB: 12_053, totalMiB: 12_053 },
        { name: 'shared', path: '/srv/shared', markerId: '7d7a3c1e', freeMiB: 235_109, totalMiB: 258_019 },
      ],
    });
  });

  it('tells a host without libvirt from one whose libvirt does not answer', () => {
    const silent = FACTS.replace(/(@@reeve-section version\n)[\s\S]*(@@reeve-section end)/, '$1$2');
    const versions = ({ libvirtVersion, qemuVersion }: ReturnType<typeof parseFacts>): readonly unknown[] => [libvirtVersion, qemuVersion];
    expect(versions(parseFacts(silent, 0))).toEqual(['unknown', 'unknown']);
    const none = parseFacts(silent.replace('@@reeve-section version', 'libvirt none\n@@reeve-section version'), 0);
    expect([...versions(none), hasLibvirt(none), none.cpus, none.memoryMiB]).toEqual([null, null, false, 2, 24_105]);
    expect([hasLibvirt(null), hasLibvirt(parseFacts(silent, 0))]).toEqual([true, true]);
  });

  it('says kvm only when the device opens and libvirt offers it', () => {
    const offered = FACTS.replace("<domain type='qemu'/>", "<domain type='qemu'/><domain type='kvm'/>").replace('<domain>qemu</domain>', '<domain>kvm</domain>');
    expect(parseFacts(offered, 0).accelerator).toBe('kvm');
    expect(parseFacts(offered.replace('kvm yes\n', ''), 0).accelerator).toBe('tcg');
    expect(parseFacts(FACTS, 0).accelerator).toBe('tcg');
  });

  it('counts what the host has beyond its model where guests run by KVM, and knows nothing where libvirt does not say', () => {
    const kvm = FACTS.replace("<domain type='qemu'/>", "<domain type='qemu'/><domain type='kvm'/>").replace('<domain>qemu</domain>', '<domain>kvm</domain>');
    expect(parseFacts(kvm, 0).cpuFlags).toEqual(['3dnow', 'aes', 'apic', 'avx2', 'avx512f', 'hypervisor', 'invtsc', 'lm', 'nx']);
    expect(parseFacts(kvm.replace(/(section cpu-of-host\n)[^@]*/, '$1'), 0)).not.toHaveProperty('cpuFlags');
    expect(parseFacts(FACTS.replace(/(section cpu-of-guests\n)[^@]*/, '$1'), 0)).not.toHaveProperty('cpuFlags');
  });

  it('is content with a host without pools, and not with half an answer', () => {
    expect(parseFacts(FACTS.replace(/@@reeve-section pool[\s\S]*(?=@@reeve-section end)/, ''), 0).pools).toEqual([]);
    expect(() => parseFacts(FACTS.slice(0, FACTS.indexOf('@@reeve-section end')), 0)).toThrow('ended before its end');
  });
});
