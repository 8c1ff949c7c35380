// What `reeve-agent leave` does when its host goes down: has the agent say so, and puts off the end until nothing protected runs here any more.
import type { GoingDown } from '../cluster/heartbeat-message.js';
import type { Clock } from '../shared/clock.js';
import type { AgentStatus } from './agent.js';
import type { SystemWay } from './agent-ports.js';

export interface LeavePorts {
  readonly clock: Pick<Clock, 'monotonicMs' | 'sleep'>;
  readonly systemWay: () => Promise<SystemWay>;
  /** For the agent to read: it says so from then on. */
  readonly announce: (purpose: GoingDown) => void;
  readonly withdraw: () => void;
  /** Null: it does not answer. */
  readonly askAgent: () => Promise<AgentStatus | null>;
  /** A line for who stands at the console. */
  readonly say: (line: string) => void;
}

const LOOK_MS = 1_000;
/** A killed agent is back within a second. Without one nobody hears that we are leaving. */
const AGENT_MS = 15_000;
/** At least so often the console shows that something goes on. */
const SAY_MS = 15_000;

/**
 * The workloads to wait for. Where the lease is enforced, the guard has noted what is protected; elsewhere nobody on the host knows which of its
 * workloads are, and all are waited for.
 */
export function stillHere({ running, lease }: Pick<AgentStatus, 'running' | 'lease'>): readonly string[] {
  return lease.enforced ? lease.under.filter((uuid) => running.includes(uuid)) : running;
}

export async function leaveHost(withinMs: number, ports: LeavePorts): Promise<void> {
  if (withinMs <= 0) return;
  const way = await ports.systemWay();
  // Its unit alone is stopped, or a package is replaced: the host stays.
  if (way === 'stays' || way === 'unknown') return;
  ports.say(await waitUntilEmpty(way, withinMs, ports));
}

/** Why the wait has ended. */
async function waitUntilEmpty(way: GoingDown, withinMs: number, ports: LeavePorts): Promise<string> {
  const { clock } = ports;
  const beganMs = clock.monotonicMs();
  const said = { count: -1, atMs: -Infinity };
  let answeredMs = beganMs;
  for (;;) {
    const status = await ports.askAgent();
    const nowMs = clock.monotonicMs();
    const here = status && stillHere(status);
    if (here?.length === 0) return 'no protected workload runs here any more';
    if (here) answeredMs = nowMs;
    else if (nowMs - answeredMs >= AGENT_MS) return 'the agent does not answer: nobody can be told, so nothing is waited for';
    if (nowMs - beganMs >= withinMs) return `${withinMs / 1_000} s are over: what still runs here stops with this host`;
    if (said.count < 0) ports.announce(way);
    tellProgress(here?.length ?? null, withinMs - (nowMs - beganMs), { way, nowMs, said, say: ports.say });
    await clock.sleep(LOOK_MS);
    if ((await ports.systemWay()) === 'stays') {
      ports.withdraw();
      return 'the host stays after all';
    }
  }
}

interface Telling {
  readonly way: GoingDown;
  readonly nowMs: number;
  readonly said: { count: number; atMs: number };
  readonly say: (line: string) => void;
}

function tellProgress(count: number | null, leftMs: number, { way, nowMs, said, say }: Telling): void {
  const shown = count ?? 0;
  if (shown === said.count && nowMs - said.atMs < SAY_MS) return;
  Object.assign(said, { count: shown, atMs: nowMs });
  const what = count === null ? 'waiting for the agent to answer' : `${count} protected ${count === 1 ? 'workload is' : 'workloads are'} to be moved away first`;
  say(`this host goes down (${way}): ${what}, for ${Math.ceil(leftMs / 1_000)} s at most`);
}
