// The units: what systemd stops first, and for how long it waits.
import { describe, expect, it } from 'vitest';
import { LONGEST_LEAVE_MS } from '../../host-agent.js';
import { agentUnit, leaveUnit } from './agent-files.js';

const values = (unit: string, key: string): readonly string[] => unit.split('\n').filter((line) => line.startsWith(`${key}=`)).flatMap((line) => line.slice(key.length + 1).split(' '));

describe('the unit that waits when the host goes down', () => {
  const unit = leaveUnit('/usr/bin/node');

  it('is stopped before all that the moving of workloads needs: what it is ordered after', () => {
    const after = values(unit, 'After');
    for (const needed of ['reeve-agent.service', 'libvirt-guests.service', 'virt-guest-shutdown.target', 'libvirtd.service', 'virtqemud.service', 'snap.lxd.daemon.service', 'lxd.service', 'lxd-containers.service', 'incus.service', 'ssh.service', 'sshd.service', 'systemd-user-sessions.service', 'network-online.target']) expect(after).toContain(needed);
    expect(values(unit, 'Before')).toEqual([]);
    expect(values(unit, 'Wants')).toEqual(['virt-guest-shutdown.target']);
    // The agent itself comes before the guests' own unit: no circle.
    expect(values(agentUnit('/usr/bin/node'), 'After')).not.toContain('reeve-leave.service');
  });

  it('the agent is stopped after what stops VMs and containers', () => {
    const before = values(agentUnit('/usr/bin/node'), 'Before');
    for (const stopping of ['libvirt-guests.service', 'snap.lxd.daemon.service', 'lxd-containers.service', 'incus-startup.service']) expect(before).toContain(stopping);
  });

  it('has something to be stopped, and more time for it than the longest wait, less than systemd gives a shutdown', () => {
    expect(values(unit, 'Type')).toEqual(['oneshot']);
    expect(values(unit, 'RemainAfterExit')).toEqual(['yes']);
    expect(unit).toContain('ExecStop=/usr/bin/node /usr/lib/reeve/agent.cjs leave --config /etc/reeve/agent.json\n');
    const stopS = Number(values(unit, 'TimeoutStopSec')[0]);
    expect(stopS).toBeGreaterThan(LONGEST_LEAVE_MS / 1_000);
    expect(stopS).toBeLessThan(30 * 60);
  });
});
