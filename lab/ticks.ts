// What the guests' ticks say: downtime by the receiver's clock, restarts, two copies, disk counters that go back.
import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { waitUntil } from './wait-until.js';

export interface Tick {
  readonly atMs: number;
  readonly name: string;
  readonly boot: string;
  readonly seq: number;
  readonly diskCount: number;
  readonly split: number;
  readonly ioErrors: number;
  readonly memCorrupt: number;
}

export interface TickLog {
  /** All ticks of a guest after a time, oldest first. */
  of(name: string, sinceMs?: number): readonly Tick[];
  /** The longest pause between two ticks after a time. */
  downtimeMs(name: string, sinceMs: number): number;
  /** Boot ids seen after a time: more than one means that it was restarted. */
  boots(name: string, sinceMs?: number): readonly string[];
  /** First tick after a time, of another boot than `notBoot` when given. */
  waitForTick(name: string, sinceMs: number, options?: { readonly notBoot?: string; readonly timeoutMs?: number }): Promise<Tick>;
  /** Everything that must never be seen, as sentences; empty is good. */
  violations(): readonly string[];
  forget(): void;
  close(): Promise<void>;
}

/** Ticks kept per guest: 50 a second, for 20 minutes. */
const KEPT = 60_000;

export async function startTicks(ctlNetns: string, repoRoot: string): Promise<TickLog> {
  const child = spawn('ip', ['netns', 'exec', ctlNetns, process.execPath, `${repoRoot}/lab/tick-receiver.mjs`], { stdio: ['pipe', 'pipe', 'inherit'] });
  const log = new Ticks(child);
  await log.ready;
  return log;
}

class Ticks implements TickLog {
  readonly ready: Promise<void>;
  readonly #ticks = new Map<string, Tick[]>();

  constructor(private readonly child: ChildProcess) {
    const { stdout } = child;
    if (!stdout) throw new Error('the tick receiver has no output');
    this.ready = new Promise((resolve, reject) => {
      child.once('exit', (code) => reject(new Error(`the tick receiver ended with ${code}`)));
      createInterface({ input: stdout }).on('line', (line) => {
        if (line === 'ready') resolve();
        else this.#take(line);
      });
    });
  }

  #take(line: string): void {
    const [at, name, boot, seq, , diskCount, split, ioErrors, memCorrupt] = line.split(' ');
    if (!name || !boot) return;
    const list = this.#ticks.get(name) ?? [];
    this.#ticks.set(name, list);
    list.push({ atMs: Number(at), name, boot, seq: Number(seq), diskCount: Number(diskCount), split: Number(split), ioErrors: Number(ioErrors), memCorrupt: Number(memCorrupt) });
    if (list.length > KEPT) list.splice(0, KEPT / 4);
  }

  of(name: string, sinceMs = 0): readonly Tick[] {
    return (this.#ticks.get(name) ?? []).filter((tick) => tick.atMs >= sinceMs);
  }

  downtimeMs(name: string, sinceMs: number): number {
    const ticks = this.of(name, sinceMs);
    return ticks.slice(1).reduce((longest, tick, index) => Math.max(longest, tick.atMs - (ticks[index]?.atMs ?? tick.atMs)), 0);
  }

  boots(name: string, sinceMs = 0): readonly string[] {
    return [...new Set(this.of(name, sinceMs).map((tick) => tick.boot))];
  }

  waitForTick(name: string, sinceMs: number, { notBoot, timeoutMs = 60_000 }: { readonly notBoot?: string; readonly timeoutMs?: number } = {}): Promise<Tick> {
    return waitUntil(`a tick of ${name}`, async () => this.of(name, sinceMs).find((tick) => tick.boot !== notBoot) ?? null, { timeoutMs, everyMs: 10 });
  }

  violations(): readonly string[] {
    return [...this.#ticks].flatMap(([name, ticks]) => violationsOf(name, ticks));
  }

  forget(): void {
    this.#ticks.clear();
  }

  async close(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = new Promise((resolve) => this.child.once('exit', resolve));
    this.child.stdin?.end();
    this.child.kill();
    await ended;
  }
}

function violationsOf(name: string, ticks: readonly Tick[]): readonly string[] {
  const found = new Set<string>();
  const over = new Set<string>();
  let last: Tick | null = null;
  let highest = 0;
  for (const tick of ticks) {
    if (tick.split > 0) found.add(`${name}: SPLITBRAIN, a second writer on its disk`);
    if (tick.memCorrupt > 0) found.add(`${name}: MEMCORRUPT, its memory changed under it`);
    if (tick.ioErrors > 0) found.add(`${name}: errors on its disk`);
    if (over.has(tick.boot)) found.add(`${name}: two copies ran at once (boot ${tick.boot} ticked after its successor)`);
    if (last && last.boot !== tick.boot) over.add(last.boot);
    if (tick.diskCount > 0 && tick.diskCount < highest) found.add(`${name}: its disk counter went back from ${highest} to ${tick.diskCount}`);
    highest = Math.max(highest, tick.diskCount);
    last = tick;
  }
  return [...found];
}

/** The repository's root, whether this runs bundled in dist/ or from lab/. */
export const REPO_ROOT = fileURLToPath(new URL('..', import.meta.url));
