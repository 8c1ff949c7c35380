// The planner's thread: takes the rows of a view, then one question about it, and answers; then the next.
import { parentPort, type MessagePort } from 'node:worker_threads';
import { computations } from '../cluster/computations.js';
import { errorAsData } from '../shared/errors-as-data.js';
import { Defect } from '../shared/errors.js';
import type { FromThread, Table, ToThread } from './messages.js';

if (parentPort === null) throw new Defect('this runs in a thread of the control plane only');
serve(parentPort);

function serve(port: MessagePort): void {
  const answers = computations();
  let tables = empty();
  const answer = ({ question, asked }: Extract<ToThread, { kind: 'ask' }>): FromThread => {
    const view = { ...asked.view, ...tables };
    tables = empty();
    try {
      return { kind: 'answer', answer: answers[question]({ ...asked, view } as never) };
    } catch (error) {
      return { kind: 'refused', error: errorAsData(error) };
    }
  };
  port.on('message', (message: ToThread) => {
    if (message.kind === 'rows') tables[message.table].push(...message.rows);
    else port.postMessage(answer(message));
  });
}

function empty(): Record<Table, unknown[]> {
  return { hosts: [], workloads: [], rules: [] };
}
