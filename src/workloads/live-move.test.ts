// Who may move while it runs: each reason against it names what would help, and a container gets it only by its owner's word and with CRIU on both hosts.
import { describe, expect, it } from 'vitest';
import { aFacts, aHost, aWorkload } from '../../test/fixtures/cluster.js';
import { describeNotLive, whyNotLive } from './live-move.js';
import type { InstanceNeeds, Workload } from './workload.js';

const daemon = (criu: boolean) => ({ driver: 'lxd' as const, version: '5', address: 'x', isClustered: false, criu, pools: [], filesystems: [], networks: [], profiles: [] });
const host = (name: string, criu = false, cpuModel = 'EPYC', usableCpuModels: readonly string[] = []) => aHost(name, { facts: aFacts({ containerDaemons: [daemon(criu)], cpuModel, usableCpuModels }) });
const plain = aWorkload('web', host('host-1'));
const instance = (set: Partial<Workload> = {}, needs: Partial<InstanceNeeds> = {}): Workload => ({ ...plain, kind: 'container', ...set, needs: { ...plain.needs, driver: 'lxd', instance: { pool: 'default', profiles: [], networks: [], ...needs } } });
const why = (workload: Workload, from: ReturnType<typeof host> | null, to: ReturnType<typeof host> | null): string | null => {
  const found = whyNotLive(workload, from, to);
  return found && describeNotLive(found);
};

describe('whyNotLive', () => {
  it('has nothing against a virtual machine of libvirt', () => expect(why(plain, host('host-1'), host('host-2'))).toBeNull());

  it('asks for the owner of a container, and names CRIU in the same line where that lacks too', () => {
    expect(why(instance(), host('host-1', true), host('host-2', true))).toBe('it is a container, and its owner has not asked for moves while it runs (`reeve workload set-policy web --live-container on`)');
    expect(why(instance(), host('host-1'), host('host-2'))).toBe('it is a container, and its owner has not asked for moves while it runs; nor could it, as CRIU is not found on host-1 and host-2 (`snap set lxd criu.enable=true; systemctl reload snap.lxd.daemon, or for a package: apt-get install criu` there) (`reeve workload set-policy web --live-container on`)');
  });

  it('asks for CRIU on both hosts', () => {
    const asked = instance({ movesLiveByCriu: true });
    expect(why(asked, host('host-1', true), host('host-2'))).toMatch(/CRIU is not found on host-2 \(/);
    expect(why(asked, host('host-1'), host('host-2', true))).toMatch(/CRIU is not found on host-1 \(/);
    expect([why(asked, host('host-1', true), null), why(asked, host('host-1', true), host('host-2', true))]).toEqual([null, null]);
  });

  it('says of a virtual machine what its settings lack, and what CPU it would meet', () => {
    const vm = (needs: Partial<InstanceNeeds>) => instance({ kind: 'vm' }, needs);
    expect(why(vm({ notLive: [{ why: 'a is not set', remedy: 'set a' }, { why: 'b is not set', remedy: 'set b' }] }), host('host-1'), host('host-2'))).toBe('a is not set; b is not set (`set a`)');
    expect(why(vm({}), host('host-1'), host('host-2'))).toContain('it is not known whether');
    expect(why(vm({ notLive: [] }), host('host-1'), host('host-2'))).toBeNull();
    expect(why(vm({ notLive: [] }), host('host-1'), host('host-2', false, 'Skylake'))).toBe('web has the CPU of its host (EPYC), and host-2 has another one (Skylake)');
    expect(why(vm({ notLive: [] }), host('host-1'), host('host-2', false, 'EPYC-Rome', ['EPYC']))).toContain('another one (EPYC-Rome)');
  });

  it('goes to no host that has its replica', () => {
    const two = host('host-2', true);
    const copied = instance({ movesLiveByCriu: true, replica: { hostId: two.id, asOfMs: 1, triedAtMs: 1, why: null, isToldLate: false } });
    expect(why(copied, host('host-1', true), two)).toBe('host-2 has a replica of it, which is not moved over (`reeve workload relocate web --to host-2`)');
    expect(why(copied, host('host-1', true), host('host-3', true))).toBeNull();
  });
});
