// State tables: every state is glossed where it is defined, every transition is named by its event.

export interface StateRow<State extends string, Event extends string> {
  readonly means: string;
  readonly on: { readonly [E in Event]?: State };
}

export type StateTable<State extends string, Event extends string> = { readonly [S in State]: StateRow<State, Event> };

/** The next state, or null when the event is not allowed in this state. */
export function nextState<State extends string, Event extends string>(
  table: StateTable<State, Event>,
  state: State,
  event: Event,
): State | null {
  return table[state].on[event] ?? null;
}
