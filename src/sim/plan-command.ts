// `reeve plan … --input FILE`: a plan for an inventory from a file, as `reeve cluster export` writes it. It needs no control plane.
import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import type { PlanDocument, PlanRequest } from '../cluster/commands/plan-commands.js';
import { plannerHere } from '../cluster/planner-here.js';
import { messageOf, UserError } from '../shared/errors.js';
import { fail, ok, type Result } from '../shared/result.js';
import { parseScenario } from './scenario/parse-scenario.js';
import { placementOf } from './scenario/placement-of.js';
import { policyOf } from './scenario/policy-of.js';

/** The refusal is one line that begins with the file's name. */
export async function planFromFile(file: string, request: PlanRequest): Promise<Result<PlanDocument, string>> {
  const refused = (why: string): Result<PlanDocument, string> => fail(`${file === '-' ? 'standard input' : file}: ${why}`);
  let content: string;
  try {
    content = file === '-' ? await text(process.stdin) : await readFile(file, 'utf8');
  } catch (error) {
    return refused(messageOf(error));
  }
  const scenario = parseScenario(content);
  if (!scenario.ok) return refused(scenario.error);
  // Who was drained from where is in the operations of a control plane, and in no inventory.
  if (request.kind === 'return') return refused('it does not say what a drain took away: `reeve plan return` asks the control plane, without --input');
  try {
    return ok(await plannerHere().compute('plan', { view: await placementOf(scenario.value), policy: policyOf(scenario.value.policy), wanted: [], nowMs: null, request }));
  } catch (error) {
    if (error instanceof UserError) return refused(error.message);
    throw error;
  }
}
