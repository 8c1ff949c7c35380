// A machine that is a folder, with a real BMC in front of it: openipmi's ipmi_sim, or a small Redfish service.
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import { createSocket } from 'node:dgram';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { RigFault } from '../../conformance/fence-device.conformance.js';

export const USER = 'admin';
export const PASSWORD = 'correct-horse';

const CHASSIS = new URL('./chassis.sh', import.meta.url).pathname;
const run = promisify(execFile);

export interface Machine {
  readonly address: string;
  readonly port: number;
  isPowered(): Promise<boolean>;
  setPowered(on: boolean): Promise<void>;
  setFault(fault: RigFault): Promise<void>;
  close(): Promise<void>;
}

async function folder(): Promise<Pick<Machine, 'isPowered' | 'setPowered'> & { readonly dir: string }> {
  const dir = await mkdtemp(join(tmpdir(), 'reeve-bmc-'));
  await writeFile(join(dir, 'power'), '1');
  return {
    dir,
    isPowered: async () => (await readFile(join(dir, 'power'), 'utf8')).trim() === '1',
    setPowered: (on) => writeFile(join(dir, 'power'), on ? '1' : '0'),
  };
}

/** On loopback; `dead` is a stopped process: its port takes packets and never answers. */
export async function ipmiMachine(): Promise<Machine> {
  const { dir, isPowered, setPowered } = await folder();
  const [address, port] = ['127.0.0.1', await freeUdpPort()];
  await mkdir(join(dir, 'state'));
  await writeFile(join(dir, 'lan.conf'), lanConf(address, port, dir));
  await writeFile(join(dir, 'emu.cmd'), 'mc_setbmc 0x20\nmc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02 persist_sdr\nsel_enable 0x20 1000 0x0a\nmc_enable 0x20\n');
  const child = spawn('ipmi_sim', ['-n', '-c', join(dir, 'lan.conf'), '-f', join(dir, 'emu.cmd'), '-s', join(dir, 'state')], { stdio: 'ignore' });
  await answers(address, port);
  const setFault = async (fault: RigFault): Promise<void> => {
    child.kill(fault === 'dead' ? 'SIGSTOP' : 'SIGCONT');
    await writeFile(join(dir, 'fault'), fault);
    // What queued up at a stopped BMC takes effect when it goes on: the next test begins after that.
    if (fault !== 'dead') await answers(address, port);
  };
  const close = async (): Promise<void> => {
    await ended(child);
    await rm(dir, { recursive: true, force: true });
  };
  return { address, port, isPowered, setPowered, setFault, close };
}

async function ended(child: ChildProcess): Promise<void> {
  const exit = new Promise((resolve) => child.once('exit', resolve));
  if (child.exitCode === null && child.kill('SIGKILL')) await exit;
}

const ANSWERS_WITHIN_MS = 20_000;

async function answers(address: string, port: number): Promise<void> {
  const endsAtMs = Date.now() + ANSWERS_WITHIN_MS;
  for (;;) {
    const args = ['-I', 'lanplus', '-C', '3', '-H', address, '-p', String(port), '-U', USER, '-E', '-N', '2', '-R', '1', 'chassis', 'power', 'status'];
    const answered = await run('ipmitool', args, { env: { ...process.env, IPMI_PASSWORD: PASSWORD } }).then(() => true, () => false);
    if (answered) return;
    if (Date.now() > endsAtMs) throw new Error(`no BMC answers at ${address}:${port}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function freeUdpPort(): Promise<number> {
  const socket = createSocket('udp4');
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  const { port } = socket.address();
  await new Promise<void>((resolve) => socket.close(() => resolve()));
  return port;
}

function lanConf(address: string, port: number, dir: string): string {
  const auth = ['callback', 'user', 'operator', 'admin'].map((level) => `    allowed_auths_${level} none md2 md5 straight`).join('\n');
  return `name "machine"
set_working_mc 0x20
  startlan 1
    addr ${address} ${port}
    priv_limit admin
${auth}
    guid a123456789abcdefa123456789000001
  endlan
  chassis_control "${CHASSIS} ${dir}"
  user 1 true  ""      ""       user     10 none md2 md5 straight
  user 2 true  "${USER}" "${PASSWORD}" admin    10 none md2 md5 straight
`;
}

const SYSTEM = '/redfish/v1/Systems/1';
const RESET = `${SYSTEM}/Actions/ComputerSystem.Reset`;
const SLOW_MS = 600;

/** The few resources that power needs, with a certificate that nobody signed, as BMCs have. */
export async function redfishMachine(): Promise<Machine> {
  const { dir, isPowered, setPowered } = await folder();
  let fault: RigFault = 'none';
  await run('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=bmc', '-days', '2', '-keyout', join(dir, 'key.pem'), '-out', join(dir, 'cert.pem')]);
  const authorization = `Basic ${Buffer.from(`${USER}:${PASSWORD}`).toString('base64')}`;
  const server = createServer({ key: await readFile(join(dir, 'key.pem')), cert: await readFile(join(dir, 'cert.pem')) }, (request, response) => {
    const send = (code: number, body?: unknown): void => void response.writeHead(code, { 'content-type': 'application/json', 'odata-version': '4.0' }).end(body === undefined ? '' : JSON.stringify(body));
    let sent = '';
    request.on('data', (chunk: Buffer) => (sent += String(chunk)));
    request.on('end', () => void answer());
    const answer = async (): Promise<void> => {
      const url = (request.url ?? '').replace(/\/$/, '');
      if (fault === 'dead') return;
      if (fault === 'slow') await new Promise((resolve) => setTimeout(resolve, SLOW_MS));
      if (url === '/redfish/v1') return send(200, { '@odata.id': url, '@odata.type': '#ServiceRoot.v1_5_0.ServiceRoot', Systems: { '@odata.id': '/redfish/v1/Systems' } });
      if (request.headers.authorization !== authorization) return send(401, { error: { code: 'Base.1.0.NoValidSession', message: 'unauthorized' } });
      if (url === '/redfish/v1/Systems') return send(200, { Members: [{ '@odata.id': SYSTEM }] });
      if (url === SYSTEM) return send(200, { '@odata.id': SYSTEM, Id: '1', PowerState: (await isPowered()) ? 'On' : 'Off', Actions: { '#ComputerSystem.Reset': { target: RESET } } });
      if (url !== RESET) return send(404, { error: { code: 'Base.1.0.ResourceMissingAtURI', message: url } });
      const { ResetType: type } = JSON.parse(sent) as { ResetType?: string };
      if (fault !== 'lying') await setPowered(type === 'On' || type === 'ForceOn');
      return send(204);
    };
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const close = async (): Promise<void> => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await rm(dir, { recursive: true, force: true });
  };
  return { address: '127.0.0.1', port: (server.address() as AddressInfo).port, isPowered, setPowered, setFault: async (next) => void (fault = next), close };
}
