// The agent's own host as its kernel and the guard's records show it.
import { execFile } from 'node:child_process';
import { readdirSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { isUuid } from '../../cluster/wire.js';
import { isInstanceWord, type InstanceWord } from '../../hosts/instance-word.js';
import type { AgentHost, LeaseMark } from '../agent-ports.js';
import { containersOf, toKill } from './containers.js';
import { leavingFile } from './leaving-file.js';
import { machinesOf, readHostEpoch, readProcesses, readVitals } from './read-proc.js';
import { readText } from './read-text.js';
import { armLeaveUnit, systemWay } from './system-way.js';

export interface ProcPlaces {
  readonly procDir: string;
  readonly guardDir: string;
  readonly runDir: string;
  readonly bootId: string;
}

/** As long as a start may take from its announcement until its process shows. The guard bounds no command by more. */
const FRESH_MS = 60_000;
/** `flock` answers at once; this bounds a host whose disk hangs. */
const QUIET_MS = 2_000;
/** Behind what the guard reads of the lease's file. */
const RELEASED = 'released';

export function procHost({ procDir, guardDir, runDir, bootId }: ProcPlaces): AgentHost {
  const leaseFile = `${runDir}/lease`;
  const votersFile = `${runDir}/voters`;
  const leaving = leavingFile(runDir, bootId);
  const marksDir = `${guardDir}/leases`;
  let published = '';
  return {
    vitals: () => readVitals(procDir),
    running: () => {
      const running = readRunning(procDir, marksDir);
      return running && [...running.keys()].sort();
    },
    hostEpoch: () => readHostEpoch(guardDir, bootId),
    leaseMarks: () => readMarks(marksDir, Date.now()),
    leaseMarksStamp: () => stampOf(marksDir),
    kill: (uuids) => {
      const running = readRunning(procDir, marksDir);
      for (const pid of uuids.flatMap((uuid) => running?.get(uuid) ?? [])) killProcess(pid);
    },
    isQuiet: () => isUnlocked(`${guardDir}/host.lock`),
    publishLease: ({ untilMs, isArmed }, nowMs) => {
      const until = Number.isFinite(untilMs) ? Math.max(0, Math.floor(uptimeMs(procDir) + untilMs - nowMs)) : 0;
      const line = `1 ${bootId} ${until} ${isArmed ? 1 : 0}\n`;
      // Rounding of two clocks is no news.
      const key = `${Math.round(untilMs)} ${isArmed}`;
      if (key === published) return;
      write(leaseFile, line);
      published = key;
    },
    publishedLeaseUntilMs: (nowMs) => {
      const [version, boot, until] = readText(leaseFile).trim().split(' ');
      return version === '1' && boot === bootId && Number(until) > 0 ? Number(until) - uptimeMs(procDir) + nowMs : -Infinity;
    },
    publishVoterEpoch: (clusterId, epoch) => write(votersFile, `1 ${bootId} ${epoch} ${clusterId}\n`),
    publishedVoterEpoch: (clusterId) => {
      const [version, boot, epoch, ...cluster] = readText(votersFile).trim().split(' ');
      return version === '1' && boot === bootId && cluster.join(' ') === clusterId ? Number(epoch) : 0;
    },
    publishRelease: () => {
      write(leaseFile, `1 ${bootId} 0 0 ${RELEASED}\n`);
      published = RELEASED;
    },
    wasReleased: () => {
      const [version, boot, , , word] = readText(leaseFile).trim().split(' ');
      return version === '1' && boot === bootId && word === RELEASED;
    },
    systemWay,
    goingDown: () => leaving.read(),
    stay: () => {
      leaving.remove();
      armLeaveUnit();
    },
  };
}

/**
 * What must be killed to end each workload that runs. Of containers the kernel knows no uuid: those are found that the guard has noted by name. To look
 * for them costs another file for each process, so it is done only where there are such notes.
 */
function readRunning(procDir: string, marksDir: string): ReadonlyMap<string, readonly number[]> | null {
  const processes = readProcesses(procDir);
  if (!processes) return null;
  const running = new Map(machinesOf(processes));
  const instances = readInstances(marksDir);
  if (instances.size === 0) return running;
  const containers = containersOf(procDir, processes, [...new Set(instances.values())]);
  for (const [uuid, word] of instances) {
    const container = containers.get(word);
    // Of a note that can't be read nobody knows what it stands for, nor that it does not run.
    if (container) running.set(uuid, toKill(container));
    else if (!isInstanceWord(word)) running.set(uuid, []);
  }
  return running;
}

/** The notes that name a container, by the workload's uuid. */
function readInstances(marksDir: string): ReadonlyMap<string, InstanceWord> {
  return new Map(namesIn(marksDir).filter(isUuid).map((uuid) => [uuid, readText(`${marksDir}/${uuid}`).trim()] as const).filter(([, word]) => word !== ''));
}

function write(file: string, line: string): void {
  writeFileSync(`${file}.new`, line);
  renameSync(`${file}.new`, file);
}

function readMarks(dir: string, nowMs: number): readonly LeaseMark[] {
  return namesIn(dir).filter(isUuid).map((uuid) => ({ uuid, isFresh: nowMs - modifiedMs(`${dir}/${uuid}`) < FRESH_MS })).sort((left, right) => (left.uuid < right.uuid ? -1 : 1));
}

function namesIn(dir: string): readonly string[] {
  try {
    return readdirSync(dir);
  } catch {
    return [];
  }
}

/** Gone meanwhile: not fresh. A date in the future counts as now: the clock was set back. */
function modifiedMs(file: string): number {
  try {
    return statSync(file).mtimeMs;
  } catch {
    return -Infinity;
  }
}

/** The guard replaces a mark by renaming, which changes the folder. */
function stampOf(dir: string): string {
  try {
    return String(statSync(dir, { bigint: true }).mtimeNs);
  } catch {
    return '';
  }
}

function killProcess(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended by itself; whether it is gone is looked at, not believed.
  }
}

/** Commands hold this lock shared, from the guard's check until they end. */
function isUnlocked(file: string): Promise<boolean> {
  return new Promise((resolve) => {
    execFile('flock', ['--exclusive', '--nonblock', file, 'true'], { timeout: QUIET_MS }, (error) => resolve(error === null));
  });
}

function uptimeMs(procDir: string): number {
  return Math.floor(Number(readText(`${procDir}/uptime`).split(' ')[0]) * 1000);
}
