// One host over OpenSSH: a shared connection, bounded commands, errors in words a person can act on.
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf, OperationalError } from '../../../shared/errors.js';
import { runProcess, type ProcessOutcome } from './run-process.js';
import { quote, quoteAll } from './shell-quote.js';
import { Slots } from './slots.js';
import { HOST_ALIAS, knownHostsText, sshConfigText, type SshPaths, type SshSettings } from './ssh-config.js';
import { sshFailure, sudoFailure } from './ssh-failure.js';
import { connectionDir, sshRuntimeDir } from './ssh-runtime-dir.js';

export interface RunOptions {
  /** From the call to the answer, waiting for a slot and connecting included. */
  readonly timeoutMs: number;
  readonly input?: string | Uint8Array;
  /** Exit codes that are answers; others throw `failed`. Default: only 0. */
  readonly okCodes?: readonly number[] | 'any';
  /** What it is about, for messages: "start of 4c4c…". */
  readonly what?: string;
  /** `probe` has slots of its own: a look at a host never waits behind long commands. */
  readonly lane?: 'normal' | 'probe';
}

export interface SshConnectionOptions {
  readonly runtimeDir?: string;
  /** How ssh is started here; more words run it, say, in another network namespace. */
  readonly program?: readonly [string, ...string[]];
}

export interface RunResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** sshd allows 10 sessions on a connection (MaxSessions) by default: these two together stay below. */
const NORMAL_SLOTS = 5;
const PROBE_SLOTS = 2;
/** ConnectTimeout (5 s) covers TCP and the key exchange; authentication may take a little longer. */
const CONNECT_MS = 8_000;
/** A master that was used within this time is there still (ControlPersist is 60 s): no need to look. */
const MASTER_FRESH_MS = 45_000;
/** Talking to our own master over its unix socket. */
const MASTER_ANSWER_MS = 1_000;

export class SshConnection {
  readonly settings: SshSettings;
  readonly #dir: string;
  readonly #paths: SshPaths;
  readonly #program: readonly [string, ...string[]];
  readonly #slots = { normal: new Slots(NORMAL_SLOTS), probe: new Slots(PROBE_SLOTS) };
  /** Rises when a master is given up, so that a late failure of an old one does not hit its successor. */
  #generation = 0;
  #usedAtMs = Number.NEGATIVE_INFINITY;
  #connecting: Promise<void> | null = null;
  #dropping: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(settings: SshSettings, { runtimeDir = sshRuntimeDir(), program = ['ssh'] }: SshConnectionOptions = {}) {
    this.settings = settings;
    this.#program = program;
    const { name: _name, ...identity } = settings;
    this.#dir = connectionDir(runtimeDir, JSON.stringify(identity));
    this.#paths = { config: join(this.#dir, 'config'), knownHosts: join(this.#dir, 'known_hosts'), control: join(this.#dir, 'm') };
    writeFileSync(this.#paths.knownHosts, knownHostsText(settings.hostKey), { mode: 0o600 });
    writeFileSync(this.#paths.config, sshConfigText(settings, this.#paths), { mode: 0o600 });
  }

  /** Runs a POSIX shell script, or a program with arguments, as root on the host. */
  async run(script: string | readonly string[], options: RunOptions): Promise<RunResult> {
    const what = `${options.what ?? 'command'} on ${this.settings.name}`;
    const deadlineMs = performance.now() + options.timeoutMs;
    const slots = this.#slots[options.lane ?? 'normal'];
    await slots.take(options.timeoutMs, what);
    try {
      await this.#connected(deadlineMs);
      return await this.#send(script, options, what, deadlineMs);
    } finally {
      slots.give();
    }
  }

  /** Connects ahead of the first command; throws what a command would. */
  async connect(timeoutMs: number = CONNECT_MS): Promise<void> {
    await this.#connected(performance.now() + timeoutMs);
  }

  /** Ends the shared connection. Commands under way on the host go on there. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#master('exit');
    rmSync(this.#dir, { recursive: true, force: true });
  }

  async #send(script: string | readonly string[], options: RunOptions, what: string, deadlineMs: number): Promise<RunResult> {
    const generation = this.#generation;
    const timeoutMs = Math.max(1, Math.round(deadlineMs - performance.now()));
    const input = options.input === undefined ? {} : { input: options.input };
    const outcome = await this.#ssh([HOST_ALIAS, this.#remoteCommand(script)], { timeoutMs, ...input });
    if (outcome.timedOut) {
      this.#drop(generation);
      throw new OperationalError('timeout', `${what}: no answer within ${options.timeoutMs} ms; its effect is unknown`);
    }
    if (outcome.code === 255 || outcome.code === null) {
      this.#drop(generation);
      throw sshFailure(this.settings, outcome.stderr);
    }
    this.#usedAtMs = performance.now();
    return this.#judge(outcome, outcome.code, options, what);
  }

  #judge(outcome: ProcessOutcome, code: number, options: RunOptions, what: string): RunResult {
    const { stdout, stderr } = outcome;
    const okCodes = options.okCodes ?? [0];
    const refused = code === 0 ? null : sudoFailure(this.settings, stderr);
    if (refused) throw refused;
    if (okCodes === 'any' || okCodes.includes(code)) return { code, stdout, stderr };
    const words = stderr.trim().split('\n').at(-1) || `exit code ${code}`;
    throw new OperationalError('failed', `${what}: ${words}`);
  }

  /** `exec` and a plain shell: the login's shell and its start-up files have no say. */
  #remoteCommand(script: string | readonly string[]): string {
    const text = typeof script === 'string' ? script : `exec ${quoteAll(script)}`;
    const sudo = this.settings.user === 'root' ? '' : 'sudo -n ';
    return `exec ${sudo}/bin/sh -c ${quote(text)}`;
  }

  /** One connection attempt at a time; who waits too long gives up without having sent anything. */
  async #connected(deadlineMs: number): Promise<void> {
    if (this.#closed) throw new OperationalError('unreachable', `the connection to ${this.settings.name} was closed here`);
    if (performance.now() - this.#usedAtMs < MASTER_FRESH_MS) return;
    this.#connecting ??= this.#open().finally(() => {
      this.#connecting = null;
    });
    await before(deadlineMs, this.#connecting, () => new OperationalError('unreachable', `no SSH connection to ${this.settings.name} (${this.settings.address} port ${this.settings.port}) in time; nothing was sent`));
  }

  async #open(): Promise<void> {
    await this.#dropping;
    const generation = this.#generation;
    const outcome = await this.#ssh([HOST_ALIAS, 'exec true'], { timeoutMs: CONNECT_MS });
    if (outcome.code === 0) {
      this.#usedAtMs = performance.now();
      return;
    }
    this.#drop(generation);
    if (outcome.timedOut) throw sshFailure(this.settings, 'timed out');
    throw sshFailure(this.settings, outcome.stderr);
  }

  /**
   * Gives up the master, so that the next command connects anew instead of waiting behind a dead one.
   * `stop`, not `exit`: commands of others that are still answered go on; ServerAlive ends the master when the host is gone.
   */
  #drop(generation: number): void {
    if (generation !== this.#generation) return;
    this.#generation += 1;
    this.#usedAtMs = Number.NEGATIVE_INFINITY;
    this.#dropping = this.#master('stop');
  }

  async #master(command: 'stop' | 'exit'): Promise<void> {
    await this.#ssh(['-O', command, HOST_ALIAS], { timeoutMs: MASTER_ANSWER_MS }).catch(messageOf);
    rmSync(this.#paths.control, { force: true });
  }

  #ssh(args: readonly string[], options: { readonly timeoutMs: number; readonly input?: string | Uint8Array }): Promise<ProcessOutcome> {
    const [first, ...words] = this.#program;
    return runProcess(first, [...words, '-F', this.#paths.config, ...args], options);
  }
}

async function before(deadlineMs: number, work: Promise<void>, late: () => Error): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(late()), Math.max(1, deadlineMs - performance.now()));
  });
  await Promise.race([work, timeout]).finally(() => clearTimeout(timer));
}
