// A client's certificate that ends soon is renewed, long before anybody has to be told: while every host that must learn of it is there, and no copy is under way.
import { endingCertificates, RENEWED_BEFORE_MS } from '../../hosts/daemon-trust.js';
import type { Host } from '../../hosts/host.js';
import type { Rule, RuleContext } from '../decide.js';
import { hold, type Action, type Hold } from '../decision.js';
import { renewCommand } from '../trust.js';
import type { OperationKind } from '../operation.js';
import { disarmBrake } from './brakes.js';

const NAME = 'renewTrust';
/** After one that failed: it is tried for six weeks. As long as recent operations are remembered. */
const RETRY_MS = 30 * 60_000;

export const renewTrust: Rule = (context) => {
  const actions: Action[] = [];
  const holds: Hold[] = [];
  for (const host of context.view.hosts) {
    const due = host.condition === 'online' ? endingCertificates(host.facts, RENEWED_BEFORE_MS).filter(({ role }) => role === 'client') : [];
    if (due.length === 0 || isUnderWay(context, host)) continue;
    const endsAtMs = Math.min(...due.map(({ expiresAtMs }) => expiresAtMs));
    const what = `the certificate by which ${host.name} is known to the daemons of other hosts ends on ${new Date(endsAtMs).toISOString().slice(0, 10)}`;
    const brake = disarmBrake(context) ?? whyNot(context, host, what, endsAtMs <= context.nowMs);
    // One at a time: each speaks to all others.
    if (brake) holds.push(brake);
    else if (actions.length === 0) actions.push(begin(host, what));
  }
  return { actions, holds };
};

const isUnderWay = ({ view }: RuleContext, { id }: Host): boolean => view.operations.some(({ kind, hostId }) => kind === 'renew-trust' && hostId === id);

const COPIES: ReadonlySet<OperationKind> = new Set(['relocate', 'migrate', 'replicate', 'recover', 'create']);
const CHANGES_MEMBERS: ReadonlySet<OperationKind> = new Set(['enrol', 'readmit', 'remove', 'renew-trust']);

function whyNot(context: RuleContext, host: Host, what: string, isOver: boolean): Hold | null {
  const { view, nowMs, verdictOf } = context;
  const remedy = `\`${renewCommand(host.name)}\` renews it now`;
  const last = view.recentOperations.find(({ kind, hostId }) => kind === 'renew-trust' && hostId === host.id);
  if (last && last.state !== 'succeeded' && (last.endedAtMs ?? 0) + RETRY_MS > nowMs) return hold('cooldown', host.name, `${what}, and could not be renewed: ${last.why ?? 'no reason given'}; it is tried again each half hour; ${remedy}`);
  const drivers = new Set((host.facts?.containerDaemons ?? []).map(({ driver }) => driver));
  const away = view.hosts.find((one) => one.condition !== 'enrolling' && one.facts?.containerDaemons.some(({ driver }) => drivers.has(driver)) && (one.condition !== 'online' || verdictOf(one.id)?.hearing !== 'heard'));
  if (away && !isOver) return hold('cooldown', host.name, `${what}; it is renewed once ${away.name} can be told too, which is ${away.condition === 'online' ? 'not heard' : away.condition}; \`reeve host show ${away.name}\``);
  const busy = view.operations.find(({ kind, hostId, targetHostId }) => CHANGES_MEMBERS.has(kind) || (COPIES.has(kind) && (hostId === host.id || targetHostId === host.id)));
  return busy ? hold('operation-active', host.name, `${what}; it is renewed when operation ${busy.id} (${busy.kind}) has ended; \`reeve operation show ${busy.id}\``) : null;
}

function begin(host: Host, why: string): Action {
  return {
    rule: NAME, about: host.name, why,
    changes: [{ change: 'operation', operation: { kind: 'renew-trust', workloadId: null, hostId: host.id, targetHostId: null, requestedBy: `rule:${NAME}`, reason: why, params: { force: false } } }],
  };
}
