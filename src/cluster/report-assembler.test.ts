// Reports: whatever the chunks' order and losses, only whole lists come out.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UUIDS_PER_CHUNK, type Report } from './heartbeat-message.js';
import { ReportAssembler, reportChunks } from './report-assembler.js';

const report = (number: number, part: Pick<Report, 'chunk' | 'chunks' | 'uuids'>, startStamp = 1): Report => ({
  kind: 'report', cluster: 0n, sender: 7n, recipient: 0n, role: 'host', link: 0, leaving: null, goingDown: null, blind: false, bootId: 'boot', startStamp, sequence: 0, monotonicMs: 0, hostEpoch: null, voterEpoch: null, leaseHeld: false, enforcing: false, excludes: false, number, ...part,
});
const names = (count: number): readonly string[] => Array.from({ length: count }, (_, at) => `uuid-${at}`);

describe('reports of running workloads', () => {
  it.each([[0, 1], [1, 1], [UUIDS_PER_CHUNK, 1], [UUIDS_PER_CHUNK + 1, 2], [200, 4]])('%i workloads need %i chunks', (count, chunks) => {
    expect(reportChunks(names(count))).toHaveLength(chunks);
  });

  it('come together in any order, on several links', () => {
    fc.assert(fc.property(fc.nat(300), fc.array(fc.nat(10_000), { minLength: 10, maxLength: 10 }), (count, order) => {
      const assembler = new ReportAssembler();
      const twice = [...reportChunks(names(count)), ...reportChunks(names(count))].map((part, at) => ({ part, rank: order[at % 10] ?? 0 })).sort((left, right) => left.rank - right.rank);
      const completed = twice.filter(({ part }) => assembler.feed(report(1, part), 10)).length;
      expect(completed).toBe(1);
      expect(assembler.latest(7n)).toEqual({ uuids: names(count), bootId: 'boot', atMs: 10 });
    }));
  });

  it('with a lost chunk leave the one before in force', () => {
    const assembler = new ReportAssembler();
    for (const part of reportChunks(names(3))) assembler.feed(report(1, part), 10);
    const [first] = reportChunks(names(100));
    if (!first) throw new Error('no chunk');
    expect(assembler.feed(report(2, first), 20)).toBe(false);
    expect(assembler.latest(7n)?.uuids).toHaveLength(3);
  });

  it('that come late do not undo newer ones, nor does one from before a restart', () => {
    const assembler = new ReportAssembler();
    const of = (count: number): Pick<Report, 'chunk' | 'chunks' | 'uuids'> => ({ chunk: 0, chunks: 1, uuids: names(count) });
    expect(assembler.feed(report(5, of(2)), 10)).toBe(true);
    expect(assembler.feed(report(4, of(9)), 20)).toBe(false);
    expect(assembler.feed(report(1, of(1), 2), 30)).toBe(true);
    expect(assembler.feed(report(9, of(9), 1), 40)).toBe(false);
    expect(assembler.latest(7n)).toMatchObject({ uuids: names(1), atMs: 30 });
  });
});
