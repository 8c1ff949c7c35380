// Entry of the agent's bundle: `agent.cjs [--config FILE]` runs it, `agent.cjs status` asks the one that runs,
// `agent.cjs leave` has it say that the host goes down, and waits until its workloads have moved away.
import { readFileSync, statSync } from 'node:fs';
import type { AgentConfig } from '../hosts/host-agent.js';
import { ENDINGS_DIR, OUR_STOPS_DIR } from '../hosts/instance-endings.js';
import { Agent } from './agent.js';
import { readAgentOptions, USAGE, type AgentOptions } from './agent-options.js';
import { startInstanceMonitor } from './proc/instance-monitor.js';
import { procHost } from './proc/proc-host.js';
import { runLeave } from './proc/leave-command.js';
import { promiseFile } from './proc/promise-file.js';
import { readBootId } from './proc/read-proc.js';
import { askStatus, makeRunDir, removeFile, serveStatus, writePidFile } from './proc/run-files.js';
import { parseAgentConfig } from './read-config.js';
import { nextStartStamp } from './start-stamp.js';
import { systemClock, systemTimers } from '../shared/system/system-clock.js';
import { statusLines } from './status-lines.js';
import { openUdp } from './udp/heartbeat-endpoint.js';
import { DevWatchdog } from './watchdog/dev-watchdog.js';

/** Ends of the process that systemd and people can tell apart. */
const BAD_USE = 2;
const NOT_RUNNING = 3;
/** Between two looks at the configuration file. */
const WATCH_MS = 1_000;

const clock = systemClock;
const log = (line: string): void => void process.stderr.write(`reeve-agent: ${line}\n`);

function end(code: number, line: string): never {
  log(line);
  process.exit(code);
}

async function main(): Promise<void> {
  const options = readAgentOptions(process.argv.slice(2));
  if (!options.ok) end(BAD_USE, `${options.error}; ${USAGE}`);
  if (options.value.command === 'status') await showStatus(options.value);
  else if (options.value.command === 'leave') await leave(options.value);
  else await run(options.value);
}

async function showStatus({ runDir, json }: AgentOptions): Promise<void> {
  try {
    const text = await askStatus(`${runDir}/agent.sock`);
    process.stdout.write(json ? `${text}\n` : `${statusLines(JSON.parse(text) as ReturnType<Agent['status']>).join('\n')}\n`);
  } catch (error) {
    end(NOT_RUNNING, `no agent answers on ${runDir}/agent.sock (${error instanceof Error ? error.message : String(error)}); \`systemctl status reeve-agent\``);
  }
}

async function leave({ configFile, runDir, procDir }: AgentOptions): Promise<void> {
  const config = loadConfig(configFile);
  if (typeof config === 'string') end(BAD_USE, config);
  await runLeave({ runDir, bootId: readBootId(procDir), withinMs: config.leaveWithinMs, say: log });
}

async function run(options: AgentOptions): Promise<void> {
  const config = loadConfig(options.configFile);
  if (typeof config === 'string') end(BAD_USE, config);
  makeRunDir(options.runDir);
  const boot = { bootId: readBootId(options.procDir), nextStartStamp: () => nextStartStamp(`${options.stateDir}/agent.stamp`, clock.nowMs()) };
  const { procDir, guardDir, runDir, stateDir, watchdogDevice } = options;
  const agent = new Agent(config, boot, {
    clock, timers: systemTimers, openTransport: openUdp, log,
    host: procHost({ procDir, guardDir, runDir, bootId: boot.bootId }),
    openWatchdog: (timeoutMs) => new DevWatchdog(timeoutMs, watchdogDevice),
    promises: promiseFile(`${stateDir}/promises.json`),
  });
  await agent.start();
  const [pidFile, socketFile] = [`${options.runDir}/agent.pid`, `${options.runDir}/agent.sock`];
  const server = serveStatus(socketFile, () => agent.status(), log);
  writePidFile(pidFile);
  const stopWatching = watchConfig(options.configFile, agent);
  const endings = startInstanceMonitor({ endingsDir: ENDINGS_DIR, ourStopsDir: OUR_STOPS_DIR, nowMs: clock.nowMs, log });
  log(`${config.name} runs with ${config.members.length} members on ${config.listen.length} links, boot ${boot.bootId.slice(0, 8)}`);
  const leave = async (): Promise<void> => {
    stopWatching();
    endings.stop();
    server.close();
    await agent.leave();
    removeFile(pidFile);
    removeFile(socketFile);
    process.exit(0);
  };
  process.once('SIGTERM', () => void leave());
  process.once('SIGINT', () => void leave());
}

/** The configuration, or a line that says what is wrong with it. */
function loadConfig(file: string): AgentConfig | string {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    return `cannot read ${file}: ${error instanceof Error ? error.message : String(error)}`;
  }
  const config = parseAgentConfig(text);
  return config.ok ? config.value : `${file}: ${config.error}`;
}

/** Follows the file by its time of change and on SIGHUP. A bad one is named and the last good one stays in force. */
function watchConfig(file: string, agent: Agent): () => void {
  let seen = fileMark(file);
  let busy = false;
  const reload = async (): Promise<void> => {
    if (busy) return;
    busy = true;
    seen = fileMark(file);
    await takeConfig(file, agent);
    busy = false;
  };
  process.on('SIGHUP', () => void reload());
  const timer = setInterval(() => {
    if (fileMark(file) !== seen) void reload();
  }, WATCH_MS);
  return () => clearInterval(timer);
}

async function takeConfig(file: string, agent: Agent): Promise<void> {
  const config = loadConfig(file);
  if (typeof config === 'string') {
    log(`${config}; the last good configuration stays in force`);
    return;
  }
  try {
    await agent.reconfigure(config);
    log(`took the new configuration: ${config.members.length} members`);
  } catch (error) {
    log(`the new configuration could not be taken: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function fileMark(file: string): string {
  try {
    const { mtimeMs, size, ino } = statSync(file);
    return `${mtimeMs} ${size} ${ino}`;
  } catch {
    return 'missing';
  }
}

main().catch((error: unknown) => end(1, error instanceof Error ? (error.stack ?? error.message) : String(error)));
