// LinkSocket: one UDP socket on one address, opened again for as long as the address is missing or the socket broke.
import { createSocket, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import type { SocketAddress } from '../transport.js';

export interface LinkSocketEvents {
  readonly onMessage: (bytes: Uint8Array) => void;
  readonly onTrouble: (trouble: string) => void;
}

/** An address that is not there yet (a link that comes up late) is tried again after so long, for ever. */
const REOPEN_MS = 1_000;
/** Room for the heartbeats of a stall of some seconds in a large cluster. */
const RECEIVE_BUFFER_BYTES = 1_048_576;

export class LinkSocket {
  #socket: Socket | null = null;
  #isOpen = false;
  #closed = false;
  #timer: NodeJS.Timeout | null = null;
  #trouble: string | null = null;
  #firstTry: Promise<void>;
  #triedOnce: () => void = () => undefined;

  constructor(
    readonly at: SocketAddress,
    private readonly events: LinkSocketEvents,
  ) {
    this.#firstTry = new Promise((resolve) => {
      this.#triedOnce = resolve;
    });
    this.#open();
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  get trouble(): string | null {
    return this.#trouble;
  }

  /** Resolves when the socket is open or the first try failed. */
  async ready(): Promise<void> {
    await this.#firstTry;
  }

  /** Sends if it can. A datagram that cannot leave is a lost one: the next heartbeat tries again. */
  send(bytes: Uint8Array, to: SocketAddress): void {
    if (!this.#isOpen || !this.#socket) return;
    try {
      this.#socket.send(bytes, to.port, to.address, (error) => {
        // ENETUNREACH, EHOSTUNREACH, EPERM, ECONNREFUSED …: the peer's silence tells the detector all it needs.
        if (error && !this.#closed) this.#say(`sending from ${this.at.address} fails: ${error.message}`);
        else this.#say(null);
      });
    } catch (error) {
      this.#say(`sending from ${this.at.address} fails: ${String(error)}`);
    }
  }

  close(): void {
    this.#closed = true;
    if (this.#timer) clearTimeout(this.#timer);
    this.#drop();
  }

  #open(): void {
    const socket = createSocket({ type: isIPv6(this.at.address) ? 'udp6' : 'udp4' });
    this.#socket = socket;
    socket.on('error', (error) => this.#broken(socket, error));
    socket.on('message', (bytes) => this.events.onMessage(bytes));
    socket.on('listening', () => {
      this.#isOpen = true;
      this.#triedOnce();
      this.#say(null);
      try {
        socket.setRecvBufferSize(RECEIVE_BUFFER_BYTES);
      } catch {
        // The kernel's limit is lower: heartbeats of a long stall are lost, which the stall's grace allows for.
      }
    });
    socket.bind({ address: this.at.address, port: this.at.port, exclusive: true });
  }

  #broken(socket: Socket, error: Error): void {
    if (this.#closed || socket !== this.#socket) return;
    this.#say(`cannot listen on ${this.at.address} port ${this.at.port}: ${error.message}`);
    this.#drop();
    this.#triedOnce();
    this.#timer = setTimeout(() => this.#open(), REOPEN_MS);
  }

  #drop(): void {
    const socket = this.#socket;
    this.#socket = null;
    this.#isOpen = false;
    if (!socket) return;
    socket.removeAllListeners('message');
    // A late error of a closed socket has nobody left to care.
    socket.removeAllListeners('error').on('error', () => undefined);
    try {
      socket.close();
    } catch {
      // It was never open.
    }
  }

  /** Says a trouble once, not with each heartbeat. */
  #say(trouble: string | null): void {
    if (trouble === this.#trouble) return;
    this.#trouble = trouble;
    if (trouble) this.events.onTrouble(trouble);
  }
}
