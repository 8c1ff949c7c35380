// The filters of a placement, in the order in which a person would want to hear of them: what can't be changed first, what is full last.
import type { Filter } from './filter.js';
import { bridgesExist } from './rules/bridges-exist.js';
import { cpuFeaturesThere } from './rules/cpu-features-there.js';
import { cpusFit } from './rules/cpus-fit.js';
import { diskFits } from './rules/disk-fits.js';
import { hugepagesFit } from './rules/hugepages-fit.js';
import { daemonIsThere, dataReachable } from './rules/instance-reachable.js';
import { keepsApart } from './rules/keeps-apart.js';
import { keepsTogether } from './rules/keeps-together.js';
import { acceleratorIsThere, architectureMatches, cpuModelUsable } from './rules/machine-matches.js';
import { memoryFits } from './rules/memory-fits.js';
import { notPinned } from './rules/not-pinned.js';
import { obeysHostsRules } from './rules/obeys-hosts-rules.js';
import { storageReachable } from './rules/storage-reachable.js';

/** Nothing that they ask changes by where other workloads stand. */
export const STATIC_FILTERS: readonly Filter[] = [daemonIsThere, architectureMatches, acceleratorIsThere, cpuModelUsable, cpuFeaturesThere, notPinned, storageReachable, dataReachable, bridgesExist, obeysHostsRules];

export const FILTERS: readonly Filter[] = [...STATIC_FILTERS, keepsApart, keepsTogether, hugepagesFit, memoryFits, cpusFit, diskFits];
