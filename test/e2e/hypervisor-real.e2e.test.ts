// The real adapters against the suites of their ports: sshd, libvirtd and QEMU of two lab hosts, and what only they can show.
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { waitUntil } from '../../lab/wait-until.js';
import { agentConfig } from '../conformance/rig.js';
import { hostAgentConformance } from '../conformance/host-agent.conformance.js';
import { hypervisorConformance } from '../conformance/hypervisor.conformance.js';
import { connect, hostKey, realRig, type RealRig } from './real-rig.js';

const isRoot = process.getuid?.() === 0;

describe.skipIf(!isRoot)('real hosts', () => {
  hypervisorConformance('libvirt', () => realRig('hv1'));
  hostAgentConformance('ssh', () => realRig('ha1'));

  describe('SSH to a host in trouble', () => {
    let rig: RealRig;
    beforeAll(async () => {
      rig = await realRig('sh1');
    });
    afterAll(() => rig?.close());

    it('says which key was not accepted, and that another host answers', async () => {
      const [host] = rig.hosts;
      const strangerKey = join(rig.lab.stateDir, 'stranger');
      execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', strangerKey]);
      const refused = connect(rig.lab, host.lab, { identityFile: strangerKey });
      await expect(refused.run('true', { timeoutMs: 8_000 })).rejects.toMatchObject({ code: 'failed', message: expect.stringContaining(strangerKey) as string, remedy: expect.stringContaining('ssh-copy-id') as string });
      const moved = connect(rig.lab, host.lab, { hostKey: hostKey(rig.lab, rig.hosts[1].lab) });
      await expect(moved.run('true', { timeoutMs: 8_000 })).rejects.toMatchObject({ code: 'failed', message: expect.stringContaining('another SSH host key') as string, remedy: expect.stringContaining('repin') as string });
      const closed = connect(rig.lab, host.lab, { port: 4 });
      await expect(closed.run('true', { timeoutMs: 8_000 })).rejects.toMatchObject({ code: 'unreachable', message: expect.stringContaining('no SSH server') as string });
      await Promise.all([refused.close(), moved.close(), closed.close()]);
    });

    it('passes on scripts, words, input and exit codes as they are', async () => {
      const { ssh } = rig.hosts[0];
      expect(await ssh.run(['printf', '%s|', "it's", '$HOME', 'a  b', '\n'], { timeoutMs: 8_000 })).toMatchObject({ stdout: "it's|$HOME|a  b|\n|" });
      expect(await ssh.run('cat; echo err >&2; exit 3', { timeoutMs: 8_000, input: 'in\n', okCodes: [3] })).toEqual({ code: 3, stdout: 'in\n', stderr: 'err\n' });
      await expect(ssh.run('echo why >&2; exit 4', { timeoutMs: 8_000, what: 'errand' })).rejects.toMatchObject({ code: 'failed', message: 'errand on host-1: why' });
    });

    it('holds many commands at once to the limit, and answers all', async () => {
      const { ssh } = rig.hosts[0];
      const answers = await Promise.all(Array.from({ length: 40 }, (_, index) => ssh.run(['echo', String(index)], { timeoutMs: 20_000 })));
      expect(answers.map(({ stdout }) => Number(stdout))).toEqual(Array.from({ length: 40 }, (_, index) => index));
    });

    it('gives up a command in time, leaves the others alone, and works on', async () => {
      const { ssh } = rig.hosts[0];
      const other = ssh.run('sleep 2; echo done', { timeoutMs: 10_000 });
      await expect(ssh.run('sleep 60', { timeoutMs: 700 })).rejects.toMatchObject({ code: 'timeout' });
      expect(await ssh.run('echo again', { timeoutMs: 8_000 })).toMatchObject({ stdout: 'again\n' });
      expect(await other).toMatchObject({ stdout: 'done\n' });
    });

    it('does not wait behind long commands for a look', async () => {
      const { ssh, agent } = rig.hosts[0];
      const long = Array.from({ length: 5 }, () => ssh.run('sleep 2', { timeoutMs: 10_000 }));
      expect(await agent.probe(1_500)).toMatchObject({ agentAlive: false });
      await expect(ssh.run('true', { timeoutMs: 200 })).rejects.toMatchObject({ code: 'busy' });
      await Promise.all(long);
    });

    it('sees a host that hangs or lost its power within the time given, and comes back with it', async () => {
      const host = rig.hosts[1];
      await host.agent.probe(5_000);
      await rig.lab.hang(host.lab);
      await expect(host.agent.probe(1_000)).rejects.toMatchObject({ retryable: true });
      await expect(host.agent.probe(1_000)).rejects.toMatchObject({ retryable: true });
      await rig.lab.unhang(host.lab);
      await waitUntil('the thawed host to answer', () => host.agent.probe(3_000).catch(() => null));
      await rig.lab.powerCut(host.lab);
      await expect(host.agent.probe(1_000)).rejects.toMatchObject({ retryable: true });
      await rig.lab.powerOn(host.lab);
      await waitUntil('the host to answer again', () => host.agent.probe(3_000).catch(() => null), { timeoutMs: 30_000 });
    });

    it('starts a killed agent again, and at boot', async () => {
      const host = rig.hosts[0];
      await host.agent.install(agentConfig(host));
      await rig.lab.exec(host.lab, ['sh', '-c', 'kill -KILL $(cat /run/reeve/agent.pid)']);
      expect(await host.agent.probe(5_000)).toMatchObject({ agentAlive: false });
      const alive = async (): Promise<true | null> => ((await host.agent.probe(5_000)).agentAlive ? true : null);
      await waitUntil('the agent to be back', alive, { timeoutMs: 20_000 });
      await rig.powerCycle(host);
      await waitUntil('the agent after the boot', alive, { timeoutMs: 20_000 });
    });
  });
});
