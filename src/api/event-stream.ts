// Server-Sent Events from the store: every event once, in order, resumed after the last one that the client saw.
import type { FastifyReply } from 'fastify';
import type { ClusterEvent } from '../cluster/cluster-event.js';
import type { ClusterReads, EventFilter } from './ports.js';

/** Keeps proxies from closing a quiet stream, and tells a client that the line is alive. */
const COMMENT_MS = 15_000;
/** The store is asked at least this often, whatever notifications were lost. */
const POLL_MS = 2_000;
const BATCH = 200;
/** A client that does not read is let go; it comes back and resumes where it was. */
const MOST_UNREAD_BYTES = 4 * 1024 * 1024;

export interface StreamFrom {
  /** Null: from now on. */
  readonly afterSeq: number | null;
  readonly filter: EventFilter;
}

export function streamEvents(reply: FastifyReply, reads: ClusterReads, { afterSeq, filter }: StreamFrom): void {
  reply.hijack();
  const { raw } = reply;
  raw.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache, no-transform', 'x-accel-buffering': 'no' });
  raw.write('retry: 1000\n\n');
  let seq = afterSeq;
  let busy = false;
  let again = false;
  const send = async (): Promise<void> => {
    busy = true;
    try {
      await sendAll();
    } catch {
      // The store may be away for a while: the next poll tries again.
    } finally {
      busy = false;
    }
  };
  const sendAll = async (): Promise<void> => {
    do {
      again = false;
      // Nobody said after what: the newest event is where it begins.
      seq ??= (await reads.events(null, 1, {})).at(-1)?.seq ?? 0;
      const events = await reads.events(seq, BATCH, filter);
      for (const event of events) raw.write(asText(event));
      seq = events.at(-1)?.seq ?? seq;
      if (raw.writableLength > MOST_UNREAD_BYTES) raw.destroy();
      again ||= events.length === BATCH;
    } while (again && !raw.destroyed);
  };
  const push = (): void => {
    again = true;
    if (!busy) void send();
  };
  const off = reads.onChange(push);
  const poll = setInterval(push, POLL_MS);
  const comment = setInterval(() => raw.write(': still here\n\n'), COMMENT_MS);
  raw.on('close', () => {
    off();
    clearInterval(poll);
    clearInterval(comment);
  });
  push();
}

const asText = (event: ClusterEvent): string => `id: ${event.seq}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
