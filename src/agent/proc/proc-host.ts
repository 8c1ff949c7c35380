// The agent's own host as its kernel and the guard's records show it.
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { isUuid } from '../../cluster/wire.js';
import type { AgentHost, LeaseMark } from '../agent-ports.js';
import { leavingFile } from './leaving-file.js';
import { readHostEpoch, readRunning, readVitals } from './read-proc.js';
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
      const running = readRunning(procDir);
      return running && [...running.keys()].sort();
    },
    hostEpoch: () => readHostEpoch(guardDir, bootId),
    leaseMarks: () => readMarks(marksDir, Date.now()),
    leaseMarksStamp: () => stampOf(marksDir),
    kill: (uuids) => {
      const running = readRunning(procDir);
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
      const [version, boot, until] = textOf(leaseFile).trim().split(' ');
      return version === '1' && boot === bootId && Number(until) > 0 ? Number(until) - uptimeMs(procDir) + nowMs : -Infinity;
    },
    publishVoterEpoch: (clusterId, epoch) => write(votersFile, `1 ${bootId} ${epoch} ${clusterId}\n`),
    publishedVoterEpoch: (clusterId) => {
      const [version, boot, epoch, ...cluster] = textOf(votersFile).trim().split(' ');
      return version === '1' && boot === bootId && cluster.join(' ') === clusterId ? Number(epoch) : 0;
    },
    publishRelease: () => {
      write(leaseFile, `1 ${bootId} 0 0 ${RELEASED}\n`);
      published = RELEASED;
    },
    wasReleased: () => {
      const [version, boot, , , word] = textOf(leaseFile).trim().split(' ');
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

function write(file: string, line: string): void {
  writeFileSync(`${file}.new`, line);
  renameSync(`${file}.new`, file);
}

function readMarks(dir: string, nowMs: number): readonly LeaseMark[] {
  let names: readonly string[];
  try {
    names = readdirSync(dir);
  } catch {
    return [];
  }
  return names.filter(isUuid).map((uuid) => ({ uuid, isFresh: nowMs - modifiedMs(`${dir}/${uuid}`) < FRESH_MS })).sort((left, right) => (left.uuid < right.uuid ? -1 : 1));
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
  return Math.floor(Number(textOf(`${procDir}/uptime`).split(' ')[0]) * 1000);
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
