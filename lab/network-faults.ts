// What is wrong between named ends of the lab's networks: nothing passes, one way only, or some packets get lost. As rules of the fabric's bridges.

/** One direction of one network between two ends. */
export interface NetworkFault {
  readonly from: string;
  readonly to: string;
  readonly link: 0 | 1;
  /** 100: nothing passes. */
  readonly lossPercent: number;
}

export interface FaultPlan {
  readonly between: readonly [string, string];
  /** both: neither hears the other. deaf: the first does not hear the second, which goes on hearing the first. */
  readonly way: 'both' | 'deaf';
  readonly links: readonly (0 | 1)[];
  readonly lossPercent: number;
}

/** The control plane's end, beside the hosts' names. */
export const CONTROL = 'control';
export const BOTH_LINKS = [0, 1] as const;
const TABLE = 'bridge reeve_lab';

export function faultsOf({ between: [one, other], way, links, lossPercent }: FaultPlan): readonly NetworkFault[] {
  const towardsFirst = links.map((link): NetworkFault => ({ from: other, to: one, link, lossPercent }));
  return way === 'deaf' ? towardsFirst : [...towardsFirst, ...links.map((link): NetworkFault => ({ from: one, to: other, link, lossPercent }))];
}

/** The newest word on a direction counts. */
export function withFaults(known: readonly NetworkFault[], more: readonly NetworkFault[]): readonly NetworkFault[] {
  return [...known.filter((one) => !more.some((other) => isSameWay(one, other))), ...more].filter((one) => one.lossPercent > 0);
}

/** What is left when two ends are mended, or everything of one end, or everything. */
export function mended(known: readonly NetworkFault[], ends: readonly string[]): readonly NetworkFault[] {
  return known.filter((one) => !ends.every((end) => one.from === end || one.to === end));
}

const isSameWay = (one: NetworkFault, other: NetworkFault): boolean => one.from === other.from && one.to === other.to && one.link === other.link;

/** For `nft -f`: replaces whatever was there, at once. */
export function rulesetOf(faults: readonly NetworkFault[], portOf: (end: string, link: 0 | 1) => string): string {
  const rules = faults.map(({ from, to, link, lossPercent }) => `    iifname "${portOf(from, link)}" oifname "${portOf(to, link)}" ${lossPercent >= 100 ? '' : `numgen random mod 100 < ${lossPercent} `}drop`);
  const table = rules.length === 0 ? [] : [`table ${TABLE} {`, '  chain between {', '    type filter hook forward priority 0;', ...rules, '  }', '}'];
  return [`table ${TABLE}`, `delete table ${TABLE}`, ...table, ''].join('\n');
}

/** What a person typed, as plans; a string says what is wrong with it. */
export function parseFault(verb: FaultVerb, words: readonly string[], ends: readonly string[]): readonly FaultPlan[] | string {
  const usage = FAULT_USAGE[verb];
  const [first = '', second = '', ...more] = words;
  const stranger = [first, second].find((name, at) => !(ends.includes(name) || (at === 1 && name === 'all')));
  if (stranger !== undefined) return `${stranger === '' ? 'which ends' : `nothing is named "${stranger}"`}: there are ${ends.join(', ')}${first === '' || ends.includes(first) ? ', and all' : ''}; ${usage}`;
  if (first === second) return `${first} and itself: two different ends; ${usage}`;
  const percent = verb === 'lossy' ? more.shift() : '100';
  if (!/^(100|[1-9]?[0-9])$/.test(percent ?? '')) return `how many packets get lost: 0 to 100 percent${percent === undefined ? '' : `, not "${percent}"`}; ${usage}`;
  const [word, extra] = more;
  if (word !== undefined && word !== '0' && word !== '1') return `which link: 0 or 1, not "${word}"; ${usage}`;
  if (extra !== undefined) return `"${extra}" is too much; ${usage}`;
  const others = second === 'all' ? ends.filter((end) => end !== first) : [second];
  const links = word === undefined ? BOTH_LINKS : [word === '0' ? (0 as const) : (1 as const)];
  return others.map((other) => ({ between: [first, other], way: verb === 'deaf' ? 'deaf' : 'both', links, lossPercent: Number(percent) }));
}

export type FaultVerb = keyof typeof FAULT_USAGE;

export const FAULT_USAGE = {
  part: 'part END END|all [0|1]',
  deaf: 'deaf END END|all [0|1]   (the first does not hear the second)',
  lossy: 'lossy END END|all PERCENT [0|1]',
} as const;

export const isFaultVerb = (verb: string): verb is FaultVerb => Object.hasOwn(FAULT_USAGE, verb);
