// `reeve-agent leave`, which systemd runs first of all when the host goes down: beside the agent, and through its files and its socket.
import { systemClock } from '../../shared/system/system-clock.js';
import type { AgentStatus } from '../agent.js';
import { leaveHost } from '../leave-host.js';
import { leavingFile } from './leaving-file.js';
import { askStatus } from './run-files.js';
import { armLeaveUnit, systemWay } from './system-way.js';

export interface LeaveCommand {
  readonly runDir: string;
  readonly bootId: string;
  readonly withinMs: number;
  readonly say: (line: string) => void;
}

export async function runLeave({ runDir, bootId, withinMs, say }: LeaveCommand): Promise<void> {
  const file = leavingFile(runDir, bootId);
  await leaveHost(withinMs, {
    clock: systemClock, systemWay, say,
    announce: (purpose) => file.write(purpose),
    withdraw: () => {
      file.remove();
      armLeaveUnit();
    },
    askAgent: () => askAgent(`${runDir}/agent.sock`),
  });
}

async function askAgent(socket: string): Promise<AgentStatus | null> {
  try {
    return JSON.parse(await askStatus(socket)) as AgentStatus;
  } catch {
    return null;
  }
}
