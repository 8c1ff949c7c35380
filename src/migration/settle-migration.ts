// After any end of a migration: what do both hosts say, and what does that mean? A table, no guesses.
import { describeLook, type Look } from '../workloads/place.js';

/** One side: what it shows, and whether it was proven off meanwhile. */
export interface Side {
  readonly look: Look;
  readonly provenOff: boolean;
}

export type Settlement =
  | 'arrived' // executes at the destination, not at the source
  | 'stayed' // executes at the source, not at the destination
  | 'stayed-paused' // its process is at the source and does not execute; the destination has none
  | 'source-lost' // the source is proven off and the destination has no process
  | 'nowhere' // both were asked, or proven off: no process is left
  | 'both' // both execute: never to be settled by force
  | 'in-between'; // not to be told yet: ask again

type Reduced = 'executes' | 'waits' | 'paused' | 'none' | 'off' | 'blind';

export function settleMigration(source: Side, destination: Side): Settlement {
  return TABLE[reduce(source)][reduce(destination)];
}

function reduce({ look, provenOff }: Side): Reduced {
  if (provenOff) return 'off';
  if (look.kind === 'blind') return 'blind';
  switch (look.observed?.runState) {
    case undefined:
    case 'stopped':
      return 'none';
    case 'running':
    case 'stopping':
      return 'executes';
    case 'paused':
      return 'paused';
    case 'migrating-in':
    case 'migrating-out':
      return 'waits';
  }
}

/** Rows: the source; columns: the destination. */
const TABLE: { readonly [S in Reduced]: { readonly [D in Reduced]: Settlement } } = {
  // A source that executes after its migration command ended has not handed over: a destination that can't be seen can't execute.
  executes: { executes: 'both', waits: 'in-between', paused: 'in-between', none: 'stayed', off: 'stayed', blind: 'stayed' },
  waits: { executes: 'in-between', waits: 'in-between', paused: 'in-between', none: 'in-between', off: 'stayed-paused', blind: 'in-between' },
  paused: { executes: 'in-between', waits: 'in-between', paused: 'in-between', none: 'stayed-paused', off: 'stayed-paused', blind: 'in-between' },
  none: { executes: 'arrived', waits: 'in-between', paused: 'in-between', none: 'nowhere', off: 'nowhere', blind: 'in-between' },
  off: { executes: 'arrived', waits: 'in-between', paused: 'in-between', none: 'source-lost', off: 'source-lost', blind: 'in-between' },
  blind: { executes: 'in-between', waits: 'in-between', paused: 'in-between', none: 'in-between', off: 'in-between', blind: 'in-between' },
};

export function describeSides(source: { readonly name: string; readonly side: Side }, destination: { readonly name: string; readonly side: Side }): string {
  return [source, destination].map(({ name, side }) => `${name}: ${side.provenOff ? 'proven off' : describeLook(side.look)}`).join('; ');
}
