// A receiver of webhooks on loopback that answers as it is told, or does not.
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Delivery {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly method: string;
  readonly path: string;
}

export type Answer = (response: ServerResponse, request: IncomingMessage) => void;

export const status = (code: number, body = '', headers: Readonly<Record<string, string>> = {}): Answer => (response) => void response.writeHead(code, headers).end(body);

export class WebhookServer {
  readonly deliveries: Delivery[] = [];
  answer: Answer = status(204);
  #server: Server | null = null;
  #port = 0;

  get origin(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** On the port that it had before. */
  async start(): Promise<void> {
    if (this.#server) return;
    this.#server = createServer((request, response) => void this.#take(request, response));
    this.#server.listen(this.#port, '127.0.0.1');
    await once(this.#server, 'listening');
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    if (!server) return;
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    this.deliveries.push({ headers: request.headers, body: Buffer.concat(chunks).toString(), method: request.method ?? '', path: request.url ?? '' });
    this.answer(response, request);
  }
}
