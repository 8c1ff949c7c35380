// One real BMC per host: openipmi's ipmi_sim in the fabric's namespace, outside of the host, so that it outlives it.
import { spawn } from 'node:child_process';
import { mkdir, open, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { waitUntil } from './wait-until.js';

export interface BmcPlan {
  readonly lab: string;
  readonly stateDir: string;
  readonly host: string;
  readonly index: number;
  readonly address: string;
  readonly chassisScript: string;
}

export const BMC_USER = 'admin';
export const BMC_PASSWORD = 'secret';
export const BMC_PORT = 623;

export async function startBmc(plan: BmcPlan): Promise<void> {
  const dir = join(plan.stateDir, 'hosts', plan.host, 'bmc');
  await mkdir(join(dir, 'state'), { recursive: true });
  await writeFile(join(dir, 'lan.conf'), lanConf(plan));
  await writeFile(join(dir, 'emu.cmd'), 'mc_setbmc 0x20\nmc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02 persist_sdr\nsel_enable 0x20 1000 0x0a\nmc_enable 0x20\n');
  const log = await open(join(dir, 'out.log'), 'a');
  // Not `ip netns exec`: that hides the machine's control groups, without which a hung host can't be thawed to die.
  const args = [`--net=/run/netns/${plan.lab}-fab`, 'ipmi_sim', '-n', '-c', join(dir, 'lan.conf'), '-f', join(dir, 'emu.cmd'), '-s', join(dir, 'state')];
  const child = spawn('nsenter', args, { detached: true, stdio: ['ignore', log.fd, log.fd] });
  child.unref();
  await log.close();
  await writeFile(join(dir, 'pid'), String(child.pid));
}

export async function stopBmc(stateDir: string, host: string): Promise<void> {
  const file = join(stateDir, 'hosts', host, 'bmc', 'pid');
  const pid = Number(await readFile(file, 'utf8').catch(() => ''));
  if (!pid || !(await isIpmiSim(pid))) return;
  process.kill(pid, 'SIGKILL');
  await waitUntil(`the BMC of ${host} to end`, async () => !(await isIpmiSim(pid)), { timeoutMs: 5_000, everyMs: 10 });
  await rm(file, { force: true });
}

/** Pids are reused: only what is still our program is ended. */
async function isIpmiSim(pid: number): Promise<boolean> {
  const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  return command.includes('ipmi_sim');
}

function lanConf({ host, index, address, chassisScript, stateDir }: BmcPlan): string {
  const auth = ['callback', 'user', 'operator', 'admin'].map((level) => `    allowed_auths_${level} none md2 md5 straight`).join('\n');
  return `name "${host}"
set_working_mc 0x20
  startlan 1
    addr ${address} ${BMC_PORT}
    priv_limit admin
${auth}
    guid a123456789abcdefa1234567890000${index.toString(16).padStart(2, '0')}
  endlan
  chassis_control "${chassisScript} ${stateDir} ${host}"
  user 1 true  ""      ""       user     10 none md2 md5 straight
  user 2 true  "${BMC_USER}" "${BMC_PASSWORD}" admin    10 none md2 md5 straight
`;
}
