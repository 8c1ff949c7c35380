// The planner in the thread that asks: it waits for nothing, and nothing else happens meanwhile. For a command line, the simulator and tests.
import { computations } from './computations.js';
import { plannerClosed, type Planner } from './planner.js';

export function plannerHere(): Planner {
  const answers = computations();
  let isClosed = false;
  return {
    compute: async (question, asked) => {
      if (isClosed) throw plannerClosed();
      return answers[question](asked);
    },
    close: async () => void (isClosed = true),
  };
}
