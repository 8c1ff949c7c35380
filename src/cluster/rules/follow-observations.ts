// People use virsh by hand: what the hypervisors show is followed and said, never fought silently.
import type { Finding } from '../../workloads/reconcile-observed.js';
import type { Workload } from '../../workloads/workload.js';
import type { Change, WorkloadFields } from '../change.js';
import { event, type ClusterEvent } from '../cluster-event.js';
import { hold, type Action, type Hold, type HoldCode } from '../decision.js';
import type { Rule, RuleContext } from '../decide.js';
import { isOurs } from './workload-brakes.js';
import { nextTry } from '../../workloads/placement-epoch.js';

interface Followed {
  readonly changes: readonly Change[];
  readonly holds: readonly Hold[];
}

const NOTHING: Followed = { changes: [], holds: [] };

export const followObservations: Rule = (context) => {
  const actions: Action[] = [];
  const holds: Hold[] = [];
  for (const workload of context.view.workloads) {
    if (workload.state === 'error' || workload.desired === 'disabled' || !isOurs(context, workload) || isLeaving(context, workload)) continue;
    const findings = context.findings(workload);
    const followed = findings.map((finding) => follow(context, workload, finding));
    holds.push(...followed.flatMap((one) => one.holds));
    const changes = followed.flatMap((one) => one.changes);
    if (changes.length > 0) actions.push({ rule: 'followObservations', about: workload.name, why: whyOf(findings), changes });
  }
  return { actions, holds };
};

/** Its guests are being stopped by the host itself: that is nobody's hand. */
const isLeaving = (context: RuleContext, workload: Workload): boolean => (context.hostOf(workload.hostId)?.leaving ?? null) !== null;

const whyOf = (findings: readonly Finding[]): string => findings.map((finding) => ('why' in finding ? finding.why : finding.kind)).join('; ');

function follow(context: RuleContext, workload: Workload, finding: Finding): Followed {
  switch (finding.kind) {
    case 'not-interpreted':
    case 'failed':
      return NOTHING;
    case 'running-as-wanted':
      return say(workload, { state: 'running', why: null, isDefinedAtHome: true }, 'workload.running', `${workload.name} runs`, 'info');
    case 'stopped-as-wanted':
      return workload.state === 'stopped' ? NOTHING : say(workload, { state: 'stopped', why: null }, 'workload.stopped', `${workload.name} is stopped`, 'info');
    case 'started-by-hand':
      // One that was not seen stopped since it should be was not started by anybody: it has yet to be stopped.
      if (workload.state !== 'stopped') return say(workload, { state: 'running', why: workload.why ?? finding.why }, 'workload.running', `${workload.name}: ${finding.why}`, 'info');
      return say(workload, { state: 'running', why: finding.why }, 'workload.started-by-hand', `${workload.name}: ${finding.why}`, 'warning');
    case 'moved-by-hand':
      return moved(context, workload, finding);
    case 'stopped-by-hand':
      if (isAskedFor(workload)) return NOTHING;
      return held('stopped-by-hand', workload, finding.why, say(workload, { state: 'stopped', why: finding.why }, 'workload.stopped-by-hand', `${workload.name}: ${finding.why}`, 'warning'));
    case 'paused':
      return held('paused', workload, finding.why, say(workload, { state: 'paused', why: finding.why }, 'workload.paused', `${workload.name}: ${finding.why}`, 'warning'));
    case 'gone-somewhere':
      return held('looking-around', workload, finding.why, NOTHING);
    case 'missing':
      if (isAskedFor(workload)) return NOTHING;
      return held('missing', workload, finding.why, say(workload, { state: 'missing', why: finding.why }, 'workload.missing', `${workload.name}: ${finding.why}`, 'alert'));
    case 'duplicate':
      return held('duplicate', workload, finding.why, NOTHING);
    case 'runs-unadmitted':
      return held('not-admitted', workload, finding.why, NOTHING);
    case 'not-persistent':
      return held('undefined-by-hand', workload, finding.why, NOTHING);
    case 'autostart-on':
      return held('autostart-on', workload, finding.why, NOTHING);
    case 'changed-size':
      return say(workload, { needs: { ...workload.needs, vcpus: finding.vcpus, memoryMiB: finding.memoryMiB } }, 'workload.changed', `${workload.name}: ${finding.why}`, 'notice');
  }
}

/** It waits for a start, not for the hand that stopped it. */
const isAskedFor = ({ state }: Workload): boolean => state === 'waiting' || state === 'frozen';

/** Changes only what differs, so that a round without news commits nothing. */
function say(workload: Workload, fields: WorkloadFields, type: string, message: string, severity: ClusterEvent['severity']): Followed {
  const same = Object.entries(fields).every(([name, value]) => JSON.stringify(workload[name as keyof Workload]) === JSON.stringify(value));
  if (same) return NOTHING;
  return {
    changes: [
      { change: 'workload', id: workload.id, set: fields },
      { change: 'event', event: event(type, message, { severity, workload: workload.name }) },
    ],
    holds: [],
  };
}

function held(code: HoldCode, workload: Workload, why: string, followed: Followed): Followed {
  return { changes: followed.changes, holds: [hold(code, workload.name, why)] };
}

function moved(context: RuleContext, workload: Workload, finding: Extract<Finding, { kind: 'moved-by-hand' }>): Followed {
  const to = context.view.hosts.find((host) => host.id === finding.toHostId)?.name ?? finding.toHostId;
  const state = finding.isStopped ? (workload.desired === 'running' ? 'waiting' : 'stopped') : 'running';
  const fields = { hostId: finding.toHostId, workloadEpoch: nextTry(workload.workloadEpoch), state, why: finding.isStopped ? finding.why : null, movedByHandAtMs: context.nowMs } as const;
  return say(workload, fields, 'workload.moved-by-hand', `${workload.name}: ${finding.why}; it is placed on ${to} from now on`, 'warning');
}
