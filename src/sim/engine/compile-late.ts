// Most simulations are over before V8's optimising compiler has paid for itself.
import v8 from 'node:v8';

/** About four times V8's own: bytecodes of one function until it is worth optimising. Half the processor time of the first runs of a process, hardly more of long ones. */
const INTERRUPT_BUDGET = 500_000;

/** For the whole process: only for programs that do nothing but simulate. */
export function compileLate(): void {
  v8.setFlagsFromString(`--interrupt-budget=${INTERRUPT_BUDGET}`);
}
