// Server-Sent Events from the store: every event once, in order, resumed after the last one that the client saw.
import type { FastifyReply } from 'fastify';
import type { ClusterReads } from './ports.js';

/** Keeps proxies from closing a quiet stream. */
const COMMENT_MS = 15_000;
/** The store is asked at least this often, whatever notifications were lost. */
const POLL_MS = 2_000;
const BATCH = 200;

export function streamEvents(reply: FastifyReply, reads: ClusterReads, afterSeq: number | null): void {
  reply.hijack();
  const { raw } = reply;
  raw.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache, no-transform', 'x-accel-buffering': 'no' });
  raw.write('retry: 1000\n\n');
  let seq = afterSeq;
  let busy = false;
  let again = false;
  const send = async (): Promise<void> => {
    if (busy) {
      again = true;
      return;
    }
    busy = true;
    do {
      again = false;
      // From now on, when nobody said after what: the newest event is where it begins.
      seq ??= (await reads.events(null, 1, {})).at(-1)?.seq ?? 0;
      const events = await reads.events(seq, BATCH, {});
      for (const event of events) {
        raw.write(`id: ${event.seq}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
        seq = event.seq;
      }
      again ||= events.length === BATCH;
    } while (again && !raw.destroyed);
    busy = false;
  };
  // The store may be away for a while: the next poll tries again.
  const push = (): void => void send().catch(() => void (busy = false));
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
