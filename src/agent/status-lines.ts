// What `reeve-agent status` prints.
import type { AgentStatus } from './agent.js';

export function statusLines(status: AgentStatus): readonly string[] {
  return [
    `${status.name} (${status.hostId}), boot ${status.bootId.slice(0, 8)}, up ${seconds(status.uptimeMs)}, ${status.running.length} workloads running`,
    ...(status.listening ? [] : ['has just started or stalled: judges nobody']),
    ...(status.goingDown ? [`the host goes down (${status.goingDown}), and the control plane is told so`] : []),
    leaseLine(status.lease),
    ...status.members.map(memberLine),
    ...status.troubles.map((trouble) => `trouble: ${trouble}`),
  ];
}

const PHASES: { readonly [P in AgentStatus['lease']['phase']]: string } = {
  free: 'nothing runs under it',
  held: 'held; the watchdog is fed',
  ending: 'OVER: ending what runs under it; the watchdog is not fed',
  waiting: 'not enforced since the agent was stopped in order; enforced again once it holds',
  ended: 'over; nothing under it runs any more',
};

function leaseLine({ enforced, phase, leftMs, under, voters }: AgentStatus['lease']): string {
  const left = leftMs === null ? 'no majority of voters acknowledges us' : leftMs > 0 ? `runs ${seconds(leftMs)} longer` : `over for ${seconds(-leftMs)}`;
  return `lease: ${enforced ? PHASES[phase] : 'not enforced on this host'}; ${left}; ${voters} voters; ${under.length} workloads under it`;
}

function memberLine(member: AgentStatus['members'][number]): string {
  const links = member.links.map((link, index) => `link ${index}: ${link.heardAgoMs === null ? 'never heard' : `heard ${seconds(link.heardAgoMs)} ago, hears us ${seconds(link.hearsUsAgoMs ?? 0)} ago`}`);
  return `  ${member.name.padEnd(16)} ${member.role.padEnd(8)} ${member.heard.padEnd(8)} ${links.join('; ')}`;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
