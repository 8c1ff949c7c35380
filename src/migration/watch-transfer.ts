// Watches a transfer until it has ended: progress for people; cancel, time-out and stall end it by abort.
import type { MigrationProgress } from '../hosts/hypervisor.js';
import { messageOf, OperationalError } from '../shared/errors.js';
import type { Journal } from '../shared/workflow.js';
import { isRunning, look } from '../workloads/place.js';
import { BLIND_MS, LATE_START_MS, LOOK_EVERY_MS, NEVER_BEGAN_MS } from './command-bounds.js';
import { beginConvergence, followConvergence, whyAbort, type Convergence } from './convergence.js';
import { isProvenOff, type MigrationContext } from './migration-context.js';

export interface TransferEnd {
  /** null: the command's end could not be seen. */
  readonly exitCode: number | null;
  readonly output: string;
  /** Why we stopped it; null: it ended by itself. */
  readonly stopped: string | null;
  readonly note: string;
}

export const CANCELLED = 'cancelled on request';

/** An aborted migration ends within seconds; libvirt notices a dead peer after 16–20 s. */
const ABORT_ENDS_MS = 60_000;

interface Watch {
  readonly startedAtMs: number;
  /** How long "no such command" is not yet believed. */
  readonly patienceMs: number;
  convergence: Convergence;
  abortedAtMs: number | null;
  stopped: string | null;
  blindSinceMs: number | null;
  line: string;
}

export async function watchTransfer(context: MigrationContext, journal: Journal): Promise<TransferEnd> {
  const now = context.clock.monotonicMs();
  const patienceMs = journal.memo['startLost'] === true ? LATE_START_MS : NEVER_BEGAN_MS;
  const watch: Watch = { startedAtMs: now, patienceMs, convergence: beginConvergence(now), abortedAtMs: null, stopped: null, blindSinceMs: null, line: '' };
  for (;;) {
    const end = await lookOnce(context, journal, watch);
    if (end) return { exitCode: null, output: '', stopped: watch.stopped, ...end };
    await context.clock.sleep(LOOK_EVERY_MS);
  }
}

type End = Pick<TransferEnd, 'note'> & Partial<TransferEnd>;

async function lookOnce(context: MigrationContext, journal: Journal, watch: Watch): Promise<End | null> {
  const { clock } = context;
  try {
    const end = await askSource(context, journal, watch);
    watch.blindSinceMs = null;
    if (end) return end;
  } catch (error) {
    if (!(error instanceof OperationalError)) throw error;
    const end = await whileBlind(context, journal, watch, messageOf(error));
    if (end) return end;
  }
  const overdue = watch.abortedAtMs !== null && clock.monotonicMs() - watch.abortedAtMs > ABORT_ENDS_MS;
  return overdue ? { note: 'the transfer did not end after it was aborted' } : null;
}

/** The command may end before the transfer: libvirt carries on by itself when the command is killed. */
async function askSource(context: MigrationContext, journal: Journal, watch: Watch): Promise<End | null> {
  const { source, clock, operationId, workload } = context;
  const command = await source.hypervisor.migrationCommand(operationId);
  if (command.kind === 'ended' && command.exitCode === 0) return { exitCode: 0, output: command.output, note: 'the transfer ended' };
  const progress = await source.hypervisor.migrationProgress(workload.uuid);
  if (command.kind === 'running' || progress !== null) {
    await oversee(context, journal, watch, progress);
    return null;
  }
  if (command.kind === 'ended') return { exitCode: command.exitCode, output: command.output, note: 'the transfer ended with an error' };
  return clock.monotonicMs() - watch.startedAtMs < watch.patienceMs ? null : { note: `no such transfer is known on ${source.name}` };
}

/** The transfer does not need us: it may end well while its source does not answer us. */
async function whileBlind(context: MigrationContext, journal: Journal, watch: Watch, why: string): Promise<End | null> {
  const { source, destination, clock, workload } = context;
  if (await isProvenOff(context, 'source')) return { note: `${source.name} was proven off` };
  if (isRunning(await look(destination, workload.uuid))) return { note: `${source.name} does not answer, and it runs on ${destination.name}` };
  const now = clock.monotonicMs();
  watch.blindSinceMs ??= now;
  if (now - watch.blindSinceMs > BLIND_MS) return { note: `${source.name} did not answer for ${BLIND_MS / 60_000} min` };
  await tell(journal, watch, { line: `${source.name} does not answer: ${why}; waiting until it does or is proven off` });
  return null;
}

async function oversee(context: MigrationContext, journal: Journal, watch: Watch, progress: MigrationProgress | null): Promise<void> {
  const { source, clock, policy, workload } = context;
  const nowMs = clock.monotonicMs();
  if (progress && progress.totalBytes > 0) {
    watch.convergence = followConvergence(watch.convergence, progress, nowMs);
    await tell(journal, watch, told(progress));
  }
  // Its daemon does not tell how much is left: only the whole time is bounded.
  if (progress?.isUnmeasured) watch.convergence = { ...watch.convergence, gainedAtMs: nowMs };
  if (watch.abortedAtMs !== null) return;
  const elapsedMs = Math.max(nowMs - watch.startedAtMs, progress?.elapsedMs ?? 0);
  watch.stopped = (await journal.cancelRequested()) ? CANCELLED : whyAbort(watch.convergence, policy, { nowMs, elapsedMs });
  if (watch.stopped === null) return;
  await source.hypervisor.abortMigration(source.token, workload.uuid);
  watch.abortedAtMs = nowMs;
}

/** Each write is a transaction: what people read already is not written again. */
async function tell(journal: Journal, watch: Watch, update: { readonly line: string; readonly percent?: number; readonly numbers?: Readonly<Record<string, number>> }): Promise<void> {
  if (update.line === watch.line) return;
  watch.line = update.line;
  await journal.progress(update);
}

const MIB = 1024 * 1024;

function told({ totalBytes, remainingBytes, processedBytes, iteration, elapsedMs }: MigrationProgress): { percent: number; line: string; numbers: Record<string, number> } {
  const percent = Math.max(0, Math.min(99, Math.round((1 - remainingBytes / totalBytes) * 100)));
  const line = `${percent} %: ${Math.round(remainingBytes / MIB)} MiB left of ${Math.round(totalBytes / MIB)}, pass ${iteration}`;
  return { percent, line, numbers: { totalBytes, remainingBytes, processedBytes, iteration, elapsedMs } };
}
