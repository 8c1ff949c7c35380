// Watches a transfer until its command has ended: progress for people, cancel, time-out and stall end it by abort.
import type { MigrationProgress } from '../hosts/hypervisor.js';
import { messageOf, OperationalError } from '../shared/errors.js';
import type { Journal } from '../shared/workflow.js';
import type { MigrationContext } from './migration-context.js';

export interface TransferEnd {
  /** null: the command's end could not be seen. */
  readonly exitCode: number | null;
  readonly output: string;
  /** Why we stopped it; null: it ended by itself. */
  readonly stopped: string | null;
  readonly note: string;
}

const LOOK_EVERY_MS = 300;
/** An aborted migration ends within seconds; libvirt notices a dead peer after 16–20 s. */
const ABORT_ENDS_MS = 60_000;
/** A command that was never seen to begin: asked this often before the hosts themselves are asked. */
const NEVER_BEGAN_LOOKS = 5;

interface Watch {
  startedAtMs: number;
  abortedAtMs: number | null;
  stopped: string | null;
  never: number;
  leastBytes: number;
  leastAtMs: number;
}

export async function watchTransfer(context: MigrationContext, journal: Journal): Promise<TransferEnd> {
  const now = context.clock.monotonicMs();
  const watch: Watch = { startedAtMs: now, abortedAtMs: null, stopped: null, never: 0, leastBytes: Infinity, leastAtMs: now };
  for (;;) {
    const end = await lookOnce(context, journal, watch);
    if (end) return end;
    await context.clock.sleep(LOOK_EVERY_MS);
  }
}

async function lookOnce(context: MigrationContext, journal: Journal, watch: Watch): Promise<TransferEnd | null> {
  const { source, clock, operationId } = context;
  try {
    const command = await source.hypervisor.migrationCommand(operationId);
    if (command.kind === 'ended') return { exitCode: command.exitCode, output: command.output, stopped: watch.stopped, note: command.exitCode === 0 ? 'the transfer ended' : 'the transfer ended with an error' };
    if (command.kind === 'none' && (watch.never += 1) >= NEVER_BEGAN_LOOKS) return { exitCode: null, output: '', stopped: watch.stopped, note: 'no such transfer is known on the source' };
    if (command.kind === 'running') await oversee(context, journal, watch);
  } catch (error) {
    if (!(error instanceof OperationalError)) throw error;
    if (await context.provenOff('source')) return { exitCode: null, output: '', stopped: watch.stopped, note: `${source.name} was proven off` };
    await journal.progress({ line: `${source.name} does not answer: ${messageOf(error)}; waiting until it does or is proven off` });
  }
  const overdue = watch.abortedAtMs !== null && clock.monotonicMs() - watch.abortedAtMs > ABORT_ENDS_MS;
  return overdue ? { exitCode: null, output: '', stopped: watch.stopped, note: 'the transfer did not end after it was aborted' } : null;
}

async function oversee(context: MigrationContext, journal: Journal, watch: Watch): Promise<void> {
  const progress = await context.source.hypervisor.migrationProgress(context.workload.uuid);
  const now = context.clock.monotonicMs();
  if (progress && progress.totalBytes > 0) {
    await journal.progress(told(progress));
    if (progress.remainingBytes < watch.leastBytes) {
      watch.leastBytes = progress.remainingBytes;
      watch.leastAtMs = now;
    }
  }
  if (watch.abortedAtMs !== null) return;
  watch.stopped = (await journal.cancelRequested()) ? 'cancelled on request' : whyStop(context, watch, now);
  if (watch.stopped === null) return;
  await context.source.hypervisor.abortMigration(context.source.token, context.workload.uuid);
  watch.abortedAtMs = now;
}

function whyStop({ policy, workload }: MigrationContext, watch: Watch, now: number): string | null {
  if (now - watch.startedAtMs > policy.timeoutMs) return `not done within ${Math.round(policy.timeoutMs / 1000)} s; raise migration.timeoutS or the bandwidth`;
  if (now - watch.leastAtMs > policy.stallMs) return `${workload.name} changes its memory faster than it is copied: nothing gained for ${Math.round(policy.stallMs / 1000)} s; raise the bandwidth or the downtime limit`;
  return null;
}

const MIB = 1024 * 1024;

function told({ totalBytes, remainingBytes, processedBytes, iteration, elapsedMs }: MigrationProgress): { percent: number; line: string; numbers: Record<string, number> } {
  const percent = Math.max(0, Math.min(99, Math.round((1 - remainingBytes / totalBytes) * 100)));
  const line = `${percent} %: ${Math.round(remainingBytes / MIB)} MiB left of ${Math.round(totalBytes / MIB)}, pass ${iteration}`;
  return { percent, line, numbers: { totalBytes, remainingBytes, processedBytes, iteration, elapsedMs } };
}
