// What the planner and its thread say to each other. A view is sent in rows, some at a time: to copy one of a large cluster at once would stop the sender for long.
import type { Question } from '../cluster/planner.js';
import type { PlacementView } from '../scheduler/placement.js';
import type { ErrorData } from '../shared/errors-as-data.js';

/** The long lists of a view. */
export const TABLES = ['hosts', 'workloads', 'rules'] as const;
export type Table = (typeof TABLES)[number];

export type ToThread =
  | { readonly kind: 'rows'; readonly table: Table; readonly rows: readonly unknown[] }
  /** Of the rows that were sent before; its view has none. */
  | { readonly kind: 'ask'; readonly question: Question; readonly asked: { readonly view: PlacementView } };

export type FromThread = { readonly kind: 'answer'; readonly answer: unknown } | { readonly kind: 'refused'; readonly error: ErrorData };

/** So many rows take a millisecond or two. */
const ROWS_AT_ONCE = 250;

export function* rowsOf(view: PlacementView): Generator<ToThread> {
  for (const table of TABLES) {
    for (let from = 0; from < view[table].length; from += ROWS_AT_ONCE) yield { kind: 'rows', table, rows: sent(view, table, from) };
  }
}

/** Definitions are most of a view, and nothing that is computed reads them. */
function sent(view: PlacementView, table: Table, from: number): readonly unknown[] {
  if (table === 'workloads') return view.workloads.slice(from, from + ROWS_AT_ONCE).map((one) => ({ ...one, definition: '' }));
  return view[table].slice(from, from + ROWS_AT_ONCE);
}

export const withoutRows = (view: PlacementView): PlacementView => ({ ...view, hosts: [], workloads: [], rules: [] });
