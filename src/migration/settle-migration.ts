// After any end of a migration: what do both hosts say, and what does that mean? A table, no guesses.
import { describeLook, type Look } from '../workloads/place.js';

/** One side: what it shows, and whether it was proven off meanwhile. */
export interface Side {
  readonly look: Look;
  readonly provenOff: boolean;
  /** The source only: a transfer is under way there, or nobody can tell. It may hand over at any moment. */
  readonly isSending: boolean;
}

export type Settlement =
  | 'arrived' // executes at the destination, not at the source
  | 'stayed' // executes at the source, not at the destination
  | 'stayed-paused' // its process is at the source and does not execute; the destination has none
  | 'source-lost' // the source is proven off and the destination has no process
  | 'ended-there' // it has moved, and its process at the destination is gone again
  | 'nowhere' // both were asked, or proven off: no process is left
  | 'both' // both execute: never to be settled by force
  | 'in-between'; // not to be told yet: ask again

type Reduced = 'sends' | 'executes' | 'waits' | 'paused' | 'stopped' | 'none' | 'off' | 'blind';

export function settleMigration(source: Side, destination: Side): Settlement {
  return TABLE[reduce(source)][reduce(destination)];
}

function reduce({ look, provenOff, isSending }: Side): Reduced {
  if (provenOff) return 'off';
  if (look.kind === 'blind') return 'blind';
  if (isSending && look.observed !== null) return 'sends';
  switch (look.observed?.runState) {
    case undefined:
      return 'none';
    case 'stopped':
      return 'stopped';
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

type Row = { readonly [D in Reduced]: Settlement };

const UNSETTLED: Row = { sends: 'in-between', executes: 'in-between', waits: 'in-between', paused: 'in-between', stopped: 'in-between', none: 'in-between', off: 'in-between', blind: 'in-between' };

/** Rows: the source; columns: the destination. What is not named is in between. */
const TABLE: { readonly [S in Reduced]: Row } = {
  // It may hand over at any moment.
  sends: UNSETTLED,
  // It executes and no transfer is under way: it has not handed over, so a destination that can't be seen can't execute.
  executes: { ...UNSETTLED, executes: 'both', stopped: 'stayed', none: 'stayed', off: 'stayed', blind: 'stayed' },
  waits: { ...UNSETTLED, off: 'stayed-paused' },
  paused: { ...UNSETTLED, stopped: 'stayed-paused', none: 'stayed-paused', off: 'stayed-paused' },
  stopped: { ...UNSETTLED, executes: 'arrived', stopped: 'nowhere', none: 'nowhere', off: 'nowhere' },
  none: { ...UNSETTLED, executes: 'arrived', stopped: 'ended-there', none: 'nowhere', off: 'nowhere' },
  off: { ...UNSETTLED, executes: 'arrived', stopped: 'source-lost', none: 'source-lost', off: 'source-lost' },
  blind: UNSETTLED,
};

export function describeSides(source: { readonly name: string; readonly side: Side }, destination: { readonly name: string; readonly side: Side }): string {
  return [source, destination].map(({ name, side }) => `${name}: ${side.provenOff ? 'proven off' : describeLook(side.look)}`).join('; ');
}
