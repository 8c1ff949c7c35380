// What a refusal for lack of room says of guests that Reeve does not know: nobody finds them among its workloads.
import type { FilterInput } from './filter.js';
import type { Room } from './placement.js';

export function strangersAt({ view, host }: Pick<FilterInput, 'view' | 'host'>, amount: (room: Room) => string): string {
  const room = view.strangers?.get(host.id);
  return room ? `; ${amount(room)} of it taken by what Reeve does not know (reeve host show ${host.name})` : '';
}
