// readDefinition: what `virsh dumpxml` printed, whole or not at all.
import { OperationalError } from '../../../shared/errors.js';

/** An answer that was cut short, or lost though the command ended well, must not be kept as what a workload is. */
export function readDefinition(output: string, what: string): string {
  const text = output.trim();
  if (!text.endsWith('</domain>')) throw new OperationalError('failed', `the ${what} ended before its end`);
  return text;
}
