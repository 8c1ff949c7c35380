// Hears how instances of LXD and Incus end, from their daemons' own events, and keeps it in files on the host. Knows nothing of workloads, and touches none.
import { spawn, type ChildProcess } from 'node:child_process';
import { accessSync, constants, existsSync, mkdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';
import { createInterface } from 'node:readline';
import { causeOf, DAEMON_PLACES, readLifecycle, writeEnding, type InstanceDaemon, type LifecycleNews } from '../../hosts/instance-endings.js';

export interface MonitorOptions {
  readonly endingsDir: string;
  readonly ourStopsDir: string;
  readonly nowMs: () => number;
  readonly log: (line: string) => void;
  /** Default: as on hosts. */
  readonly places?: typeof DAEMON_PLACES;
}

/** A daemon that is not there, or is away, is looked for again; what ended meanwhile is known to nobody, as without us. */
const AGAIN_MS = 2_000;
/** A stop of Reeve's own is over by then; what ends later was stopped by somebody else. */
const OUR_STOP_MS = 60_000;

export interface InstanceMonitor {
  stop(): void;
}

export function startInstanceMonitor(options: MonitorOptions): InstanceMonitor {
  const places = options.places ?? DAEMON_PLACES;
  const listeners = (Object.keys(places) as InstanceDaemon[]).map((daemon) => new Listener(daemon, places[daemon], options));
  for (const listener of listeners) listener.begin();
  return { stop: () => void listeners.map((listener) => listener.stop()) };
}

class Listener {
  #child: ChildProcess | null = null;
  #timer: NodeJS.Timeout | null = null;
  #isStopped = false;
  #said = '';

  constructor(
    private readonly daemon: InstanceDaemon,
    private readonly place: (typeof DAEMON_PLACES)[InstanceDaemon],
    private readonly options: MonitorOptions,
  ) {}

  begin(): void {
    if (this.#isStopped) return;
    const client = this.#client();
    if (client === null) return this.#again();
    const child = spawn(client, [...this.place.monitor], { stdio: ['ignore', 'pipe', 'ignore'], env: { ...process.env, HOME: '/root', LC_ALL: 'C' } });
    this.#child = child;
    child.once('error', (error) => this.#say(`${this.daemon}: its events are not heard: ${error.message}`));
    createInterface({ input: child.stdout }).on('line', (line) => this.#hear(line));
    child.once('close', () => {
      this.#child = null;
      this.#again();
    });
  }

  stop(): void {
    this.#isStopped = true;
    if (this.#timer) clearTimeout(this.#timer);
    this.#child?.kill('SIGKILL');
  }

  #again(): void {
    if (this.#isStopped) return;
    this.#timer = setTimeout(() => this.begin(), AGAIN_MS);
    this.#timer.unref();
  }

  /** No client is called where no daemon has its state. */
  #client(): string | null {
    if (!this.place.stateDirs.some((dir) => existsSync(join(dir, 'database')))) return null;
    const folders = (process.env['PATH'] ?? '/usr/sbin:/usr/bin:/sbin:/bin').split(delimiter);
    const candidates = this.place.clients.flatMap((client) => (isAbsolute(client) ? [client] : folders.map((folder) => join(folder, client))));
    return candidates.find(isExecutable) ?? null;
  }

  #hear(line: string): void {
    const news = readLifecycle(line);
    if (news === null) return;
    try {
      this.#keep(news);
    } catch (error) {
      this.#say(`${this.daemon}: the end of ${news.key} can not be kept: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  #keep(news: LifecycleNews): void {
    const file = join(this.options.endingsDir, this.daemon, encodeURIComponent(news.key));
    const ours = join(this.options.ourStopsDir, this.daemon, encodeURIComponent(news.key));
    const isOurs = this.#isRecent(ours);
    rmSync(ours, { force: true });
    if (news.kind === 'begun') return rmSync(file, { force: true });
    mkdirSync(join(this.options.endingsDir, this.daemon), { recursive: true });
    // Whole or not at all: it is read at any moment.
    writeFileSync(`${file}~`, writeEnding({ cause: causeOf(news, isOurs), atMs: news.atMs, location: news.location }));
    renameSync(`${file}~`, file);
  }

  #isRecent(file: string): boolean {
    const stat = statSync(file, { throwIfNoEntry: false });
    return stat !== undefined && this.options.nowMs() - stat.mtimeMs < OUR_STOP_MS;
  }

  /** The same trouble is said once. */
  #say(line: string): void {
    if (line !== this.#said) this.options.log(line);
    this.#said = line;
  }
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
