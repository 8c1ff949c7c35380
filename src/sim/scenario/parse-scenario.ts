// Reads a scenario file strictly: the first thing that is wrong is named in one line, with its path in the file.
import { parseDocument } from 'yaml';
import { fail, ok, type Result } from '../../shared/result.js';
import { firstSenseless } from './check-sense.js';
import { DEFAULT_FENCING, scenarioSchema, type Scenario, type TimelineEntry } from './scenario.js';

export function parseScenario(text: string): Result<Scenario, string> {
  // YAML holds JSON.
  const document = parseDocument(text, { uniqueKeys: true });
  const [error] = document.errors;
  if (error) return fail(`not YAML or JSON: ${error.message.split('\n')[0] ?? ''}`);
  let content: unknown;
  try {
    content = document.toJS({ maxAliasCount: 100 });
  } catch (trouble) {
    return fail(`not YAML or JSON: ${trouble instanceof Error ? trouble.message : String(trouble)}`);
  }
  return checkScenario(content);
}

export function checkScenario(content: unknown): Result<Scenario, string> {
  const parsed = scenarioSchema.safeParse(content);
  if (!parsed.success) return fail(lineOf(content, parsed.error.issues));
  const wrong = firstDangling(parsed.data) ?? firstOutOfOrder(parsed.data) ?? firstSenseless(parsed.data);
  return wrong === null ? ok(parsed.data) : fail(wrong);
}

type Issue = NonNullable<ReturnType<typeof scenarioSchema.safeParse>['error']>['issues'][number];

function lineOf(content: unknown, issues: readonly Issue[]): string {
  const issue = issues[0];
  if (!issue) return 'refused';
  const path = [...issue.path];
  if (issue.code === 'unrecognized_keys') return `${pathText([...path, issue.keys[0] ?? ''])}: unknown key`;
  if (issue.code === 'invalid_union' && path.at(-1) === 'do') return `${pathText(path)}: ${JSON.stringify(valueAt(content, path)) ?? 'missing'} is nothing that can be done`;
  if (issue.code === 'invalid_union') {
    const deepest = issue.errors.flat().sort((one, other) => other.path.length - one.path.length || Number(other.code === 'unrecognized_keys') - Number(one.code === 'unrecognized_keys'))[0];
    if (deepest && (deepest.path.length > 0 || deepest.code === 'unrecognized_keys')) return lineOf(content, [{ ...deepest, path: [...path, ...deepest.path] } as Issue]);
  }
  const value = valueAt(content, path);
  const given = value === undefined ? 'missing' : `not ${(JSON.stringify(value) ?? String(value)).slice(0, 60)}`;
  return `${pathText(path)}: ${issue.message.replace(/^Invalid input: /, '')} (${given})`;
}

const valueAt = (content: unknown, path: readonly PropertyKey[]): unknown =>
  path.reduce<unknown>((value, key) => (typeof value === 'object' && value !== null ? (value as Record<PropertyKey, unknown>)[key] : undefined), content);

function pathText(path: readonly PropertyKey[]): string {
  const text = path.map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`)).join('');
  return text === '' ? 'the file' : text.replace(/^\./, '');
}

interface Known {
  readonly hosts: ReadonlySet<string>;
  /** By host. */
  readonly fencing: ReadonlyMap<string, readonly string[]>;
  /** Those of time 0 and those created on the way. */
  readonly workloads: ReadonlySet<string>;
  readonly rules: ReadonlySet<string>;
  readonly replicas: number;
}

export function replicaCount({ hosts, controllers }: Pick<Scenario, 'hosts' | 'controllers'>): number {
  const onHosts = hosts.filter((host) => host.runsController === true).length;
  return onHosts + (controllers ?? (onHosts > 0 ? 0 : 3));
}

function firstDangling(scenario: Scenario): string | null {
  const timeline = scenario.timeline ?? [];
  const created = timeline.flatMap((entry) => (entry.do === 'workload.create' ? [entry.workload] : []));
  const added = timeline.flatMap((entry) => (entry.do === 'rule.add' ? [entry.rule] : []));
  const known: Known = {
    hosts: new Set(scenario.hosts.map((host) => host.name)),
    fencing: new Map(scenario.hosts.map((host) => [host.name, host.fencing ?? DEFAULT_FENCING])),
    workloads: new Set([...(scenario.workloads ?? []), ...created].map((one) => one.name)),
    rules: new Set([...(scenario.rules ?? []), ...added].map((one) => one.name)),
    replicas: replicaCount(scenario),
  };
  return (
    repeated('hosts', scenario.hosts) ?? repeated('workloads', scenario.workloads ?? []) ?? repeated('rules', scenario.rules ?? []) ??
    (known.replicas === 0 ? 'controllers: a cluster needs one replica of the control plane at least' : null) ??
    first((scenario.workloads ?? []).map((one, index) => inWorkload(`workloads[${index}]`, one, known))) ??
    first((scenario.rules ?? []).map((one, index) => inRule(`rules[${index}]`, one, known))) ??
    first(timeline.map((entry, index) => inEntry(`timeline[${index}]`, entry, known)))
  );
}

const first = (lines: readonly (string | null)[]): string | null => lines.find((line) => line !== null) ?? null;

function repeated(list: string, named: readonly { readonly name: string }[]): string | null {
  const seen = new Set<string>();
  const index = named.findIndex(({ name }) => seen.size === seen.add(name).size);
  return index < 0 ? null : `${list}[${index}].name: ${named[index]?.name} is there twice`;
}

const unknown = (path: string, kind: string, name: string, among: ReadonlySet<string>): string | null => (among.has(name) ? null : `${path}: there is no ${kind} ${name}`);

function inWorkload(path: string, one: NonNullable<Scenario['workloads']>[number], { hosts, workloads }: Known): string | null {
  if (one.host === undefined && (one.faults?.running ?? false)) return `${path}.faults.running: it is on no host`;
  return first([
    one.host === undefined ? null : unknown(`${path}.host`, 'host', one.host, hosts),
    one.faults?.onlyOn === undefined ? null : unknown(`${path}.faults.onlyOn`, 'host', one.faults.onlyOn, hosts),
    ...(one.startAfter ?? []).map((other, index) => unknown(`${path}.startAfter[${index}]`, 'workload', other, workloads)),
  ]);
}

function inRule(path: string, one: NonNullable<Scenario['rules']>[number], { hosts, workloads }: Known): string | null {
  return first([
    ...(one.workloads ?? []).map((name, index) => unknown(`${path}.workloads[${index}]`, 'workload', name, workloads)),
    ...(one.type === 'hosts' ? one.hosts.map((each, index) => ('host' in each ? unknown(`${path}.hosts[${index}].host`, 'host', each.host, hosts) : null)) : []),
  ]);
}

function inEntry(path: string, entry: TimelineEntry, known: Known): string | null {
  if (entry.do === 'workload.create') return inWorkload(`${path}.workload`, entry.workload, known);
  if (entry.do === 'rule.add') return inRule(`${path}.rule`, entry.rule, known);
  if (entry.do === 'rule.remove') return unknown(`${path}.rule`, 'rule', entry.rule, known.rules);
  const { hosts, workloads, replicas } = known;
  return first([
    'host' in entry && entry.host !== undefined ? unknown(`${path}.host`, 'host', entry.host, hosts) : null,
    'device' in entry && entry.device !== undefined ? noDevice(`${path}.device`, entry.host, entry.device, known) : null,
    'workload' in entry ? unknown(`${path}.workload`, 'workload', entry.workload, workloads) : null,
    'to' in entry ? unknown(`${path}.to`, 'host', entry.to, hosts) : null,
    'replica' in entry && entry.replica > replicas ? `${path}.replica: there is no replica ${entry.replica}, only ${replicas}` : null,
    ...('peers' in entry ? entry.peers.map((peer, index) => (peer === 'control-plane' ? null : unknown(`${path}.peers[${index}]`, 'host', peer, hosts))) : []),
  ]);
}

/** A person is no device: `none` can't break. */
function noDevice(path: string, host: string, device: string, { fencing }: Known): string | null {
  const has = fencing.get(host) ?? [];
  return device !== 'none' && has.includes(device) ? null : `${path}: ${host} has no device ${device}; its fencing is ${has.join(', ') || 'empty'}`;
}

function firstOutOfOrder({ timeline = [], until }: Scenario): string | null {
  const index = timeline.findIndex((entry, at) => at > 0 && entry.at < (timeline[at - 1]?.at ?? 0));
  if (index >= 0) return `timeline[${index}].at: ${timeline[index]?.at} comes before the entry above it; the timeline is in order`;
  const last = timeline.at(-1)?.at ?? 0;
  return until !== undefined && until < last ? `until: ${until} is before the last entry of the timeline, at ${last}` : null;
}
