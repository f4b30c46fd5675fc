// Ops server: /livez, /readyz and /metrics over plain HTTP, for the kubelet and Prometheus.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Address } from './arguments.ts';
import { METRICS_CONTENT_TYPE } from './metrics.ts';

export interface OpsSource {
  /** Why the process should be started anew; empty: it lives. */
  notLive(): readonly string[];
  /** Why the process is not ready; empty: it is. */
  notReady(): readonly string[];
  metrics(): string;
}

/** Of a request, head and all: nobody who asks has much to say. */
const REQUEST_MS = 5000;
const TEXT = 'text/plain; charset=utf-8';

function sayVerdict(response: ServerResponse, reasons: readonly string[]): void {
  response.writeHead(reasons.length === 0 ? 200 : 503, { 'content-type': TEXT });
  response.end(reasons.length === 0 ? 'ok\n' : `${reasons.join('; ')}\n`);
}

function answer(source: OpsSource, request: IncomingMessage, response: ServerResponse): void {
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.writeHead(405, { allow: 'GET, HEAD' }).end();
    return;
  }
  switch (request.url?.split('?', 1)[0] ?? '') {
    case '/livez':
      sayVerdict(response, source.notLive());
      return;
    case '/readyz':
      sayVerdict(response, source.notReady());
      return;
    case '/metrics':
      response.writeHead(200, { 'content-type': METRICS_CONTENT_TYPE });
      response.end(source.metrics());
      return;
    default:
      response.writeHead(404, { 'content-type': TEXT });
      response.end('there are /livez, /readyz and /metrics\n');
  }
}

/** Listens; rejects when it cannot, since nobody could tell how this process is then. */
export function listenOps(source: OpsSource, { host, port }: Address): Promise<Server> {
  const server = createServer(
    { requestTimeout: REQUEST_MS, headersTimeout: REQUEST_MS },
    (request, response) => {
      answer(source, request, response);
    },
  );
  server.maxConnections = 32;
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve(server);
    });
  });
}
