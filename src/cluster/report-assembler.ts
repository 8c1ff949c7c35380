// Reports of running workloads: cut into chunks that fit a datagram, and put together again.
import { MAX_CHUNKS, UUIDS_PER_CHUNK, type Report } from './heartbeat-message.js';

export interface ReportChunk {
  readonly chunk: number;
  readonly chunks: number;
  readonly uuids: readonly string[];
}

/** A host never runs more than MAX_CHUNKS * UUIDS_PER_CHUNK = 15,300 workloads; more would be cut off. */
export function reportChunks(uuids: readonly string[]): readonly ReportChunk[] {
  const chunks = Math.min(Math.max(1, Math.ceil(uuids.length / UUIDS_PER_CHUNK)), MAX_CHUNKS);
  return Array.from({ length: chunks }, (_, chunk) => ({ chunk, chunks, uuids: uuids.slice(chunk * UUIDS_PER_CHUNK, (chunk + 1) * UUIDS_PER_CHUNK) }));
}

interface Collecting {
  startStamp: number;
  number: number;
  readonly parts: Map<number, readonly string[]>;
}

export interface AssembledReport {
  readonly uuids: readonly string[];
  readonly bootId: string;
  readonly atMs: number;
}

export class ReportAssembler {
  readonly #collecting = new Map<bigint, Collecting>();
  readonly #whole = new Map<bigint, AssembledReport>();

  /** True when the report is now complete. */
  feed(report: Report, nowMs: number): boolean {
    const collecting = this.#collectorFor(report);
    if (!collecting || collecting.parts.has(report.chunk)) return false;
    collecting.parts.set(report.chunk, report.uuids);
    if (collecting.parts.size < report.chunks) return false;
    const uuids = [...collecting.parts].sort(([left], [right]) => left - right).flatMap(([, part]) => part);
    this.#whole.set(report.sender, { uuids, bootId: report.bootId, atMs: nowMs });
    return true;
  }

  latest(sender: bigint): AssembledReport | null {
    return this.#whole.get(sender) ?? null;
  }

  forget(sender: bigint): void {
    this.#collecting.delete(sender);
    this.#whole.delete(sender);
  }

  /** Null when the report is older than the one that is being put together. */
  #collectorFor(report: Report): Collecting | null {
    const collecting = this.#collecting.get(report.sender);
    if (collecting && collecting.startStamp === report.startStamp && collecting.number === report.number) return collecting;
    const isOlder = collecting && (report.startStamp < collecting.startStamp || (report.startStamp === collecting.startStamp && report.number < collecting.number));
    if (isOlder) return null;
    const fresh: Collecting = { startStamp: report.startStamp, number: report.number, parts: new Map() };
    this.#collecting.set(report.sender, fresh);
    return fresh;
  }
}
