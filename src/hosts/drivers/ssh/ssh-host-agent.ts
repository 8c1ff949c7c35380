// The HostAgent port over SSH: looks at the host, its guard, and installs and configures the agent.
import { z } from 'zod';
import { OperationalError } from '../../../shared/errors.js';
import type { AgentConfig, GuardState, HostAgent, HostProbe } from '../../host-agent.js';
import type { HealthLook } from '../../host-health.js';
import type { CommandToken } from '../../hypervisor.js';
import { AGENT_FILES, agentStartScript, agentUnit, INSTALLED_CLUSTER, leaveUnit } from './agent-files.js';
import { guardRefusal } from './guarded.js';
import { HEALTH_SCRIPT, parseHealth } from './health-script.js';
import { GUARD_DIR, GUARD_PATH, GUARD_SCRIPT, GUARD_WAIT_S } from './guard-script.js';
import { parseProbe, PROBE_SCRIPT } from './probe-script.js';
import { putFile } from './put-file.js';
import { quote } from './shell-quote.js';
import type { RunResult, SshConnection } from './ssh-connection.js';

export interface SshHostAgentOptions {
  readonly ssh: SshConnection;
  /** The agent's bundle (dist/agent.cjs), read when it is needed. */
  readonly agentBundle: () => Promise<string | Uint8Array>;
}

/** Above the guard's own wait, so that its answer is heard. */
const GUARD_MS = GUARD_WAIT_S * 1000 + 6_000;
const INSTALL_MS = 30_000;
const CONFIGURE_MS = 10_000;
const HEALTH_MS = 5_000;
/** How long a fresh agent may take until its pid file is there. */
const AGENT_START_TRIES = 100;

const guardStateSchema = z.object({ admittedBootId: z.string().nullable(), hostEpoch: z.number(), leaderEpoch: z.number() });

export class SshHostAgent implements HostAgent {
  readonly #ssh: SshConnection;
  readonly #agentBundle: SshHostAgentOptions['agentBundle'];

  constructor({ ssh, agentBundle }: SshHostAgentOptions) {
    this.#ssh = ssh;
    this.#agentBundle = agentBundle;
  }

  async probe(timeoutMs: number): Promise<HostProbe> {
    const { stdout } = await this.#ssh.run(PROBE_SCRIPT, { timeoutMs, lane: 'probe', what: 'look at the processes' });
    return parseProbe(stdout);
  }

  async health(): Promise<HealthLook> {
    const { stdout } = await this.#run(HEALTH_SCRIPT, HEALTH_MS, 'look at its health');
    return parseHealth(stdout);
  }

  async guardState(): Promise<GuardState> {
    const { stdout } = await this.#guard(['state']);
    const { admittedBootId, hostEpoch, leaderEpoch } = guardStateSchema.parse(JSON.parse(stdout));
    return { admittedBootId, hostEpoch, leaderEpoch };
  }

  async admit(token: CommandToken, bootId: string): Promise<void> {
    await this.#guard(['admit', '--leader', String(token.leaderEpoch), '--host', String(token.hostEpoch), '--boot-id', bootId]);
  }

  async installedFor(): Promise<string | null> {
    const { stdout } = await this.#run(INSTALLED_CLUSTER, CONFIGURE_MS, 'look for an agent');
    return stdout.trim() || null;
  }

  async install(config: AgentConfig): Promise<void> {
    const node = await this.#node();
    const ssh = this.#ssh;
    await putFile(ssh, { path: GUARD_PATH, mode: '755', content: GUARD_SCRIPT });
    await putFile(ssh, { path: AGENT_FILES.bundle, mode: '644', content: await this.#agentBundle() });
    await putFile(ssh, { path: AGENT_FILES.start, mode: '755', content: agentStartScript(node) });
    await this.configure(config);
    await putFile(ssh, { path: '/run/reeve/unit', mode: '644', content: agentUnit(node) });
    await putFile(ssh, { path: '/run/reeve/leave-unit', mode: '644', content: leaveUnit(node) });
    await this.#run(START_AGENT, INSTALL_MS, 'start of the agent');
  }

  async configure(config: AgentConfig): Promise<void> {
    // It holds the host's key: for root alone. The agent sees that the file was replaced.
    await putFile(this.#ssh, { path: AGENT_FILES.config, mode: '600', content: `${JSON.stringify(config, null, 2)}\n` }, CONFIGURE_MS);
  }

  async uninstall(): Promise<void> {
    await this.#run(UNINSTALL, INSTALL_MS, 'removal of the agent');
  }

  async #node(): Promise<string> {
    const { stdout, code } = await this.#ssh.run('command -v node && node --version', { timeoutMs: CONFIGURE_MS, okCodes: 'any', what: 'look for Node.js' });
    const [path, version] = stdout.split('\n');
    const major = Number(/^v(\d+)\./.exec(version ?? '')?.[1] ?? 0);
    const name = this.#ssh.settings.name;
    if (code !== 0 || !path) throw new OperationalError('failed', `${name} has no Node.js, which the agent needs`, `on ${name}: apt-get install -y nodejs`);
    if (major < 18) throw new OperationalError('failed', `${name} has Node.js ${version}; the agent needs 18 or newer`, `on ${name}: apt-get install -y nodejs`);
    return path;
  }

  async #guard(args: readonly string[]): Promise<RunResult> {
    const result = await this.#ssh.run([GUARD_PATH, ...args], { timeoutMs: GUARD_MS, okCodes: 'any', what: `guard ${args[0]}` });
    const refusal = guardRefusal(result, this.#ssh.settings.name);
    if (refusal) throw refusal;
    if (result.code !== 0) throw new OperationalError('failed', `the guard of ${this.#ssh.settings.name} failed: ${result.stderr.trim() || `exit code ${result.code}`}`);
    return result;
  }

  #run(script: string, timeoutMs: number, what: string): Promise<RunResult> {
    return this.#ssh.run(script, { timeoutMs, what });
  }
}

const UNIT = quote(AGENT_FILES.unit);
const LEAVE_UNIT = quote(AGENT_FILES.leaveUnit);

const START_AGENT = `set -e
rm -f ${AGENT_FILES.pid}
if [ -d /run/systemd/system ]; then
  install -m 644 /run/reeve/unit ${UNIT}
  install -m 644 /run/reeve/leave-unit ${LEAVE_UNIT}
  systemctl daemon-reload
  systemctl enable --quiet reeve-agent.service reeve-leave.service
  systemctl restart reeve-agent.service
  systemctl start --no-block reeve-leave.service
else
  ${AGENT_FILES.start} restart
fi
rm -f /run/reeve/unit /run/reeve/leave-unit
tries=0
until [ -s ${AGENT_FILES.pid} ]; do
  tries=$((tries + 1))
  if [ "$tries" -ge ${AGENT_START_TRIES} ]; then
    echo "the agent did not start: $(tail -n 3 /var/log/reeve-agent.log 2>/dev/null | tr '\\n' ' ')" >&2
    exit 1
  fi
  sleep 0.1
done`;

const UNINSTALL = `if [ -d /run/systemd/system ] && [ -e ${UNIT} ]; then
  # One that an older control plane has installed has no such unit.
  [ ! -e ${LEAVE_UNIT} ] || systemctl disable --now --quiet reeve-leave.service
  systemctl disable --now --quiet reeve-agent.service
  rm -f ${UNIT} ${LEAVE_UNIT}
  systemctl daemon-reload
fi
[ ! -x ${AGENT_FILES.start} ] || ${AGENT_FILES.start} stop
rm -f ${AGENT_FILES.bundle} ${AGENT_FILES.start} ${AGENT_FILES.config} ${GUARD_PATH} ${AGENT_FILES.pid} /var/log/reeve-agent.log
rm -rf ${GUARD_DIR}
rmdir /usr/lib/reeve /etc/reeve /var/lib/reeve 2>/dev/null
exit 0`;
