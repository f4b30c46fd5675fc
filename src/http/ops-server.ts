// Ops server: /livez, /readyz and /metrics over plain HTTP, for the kubelet and Prometheus.
import Fastify from 'fastify';
import type { FastifyInstance } from 'fastify';

export interface OpsSource {
  /** Why the process is not ready; empty: ready. */
  notReady(): readonly string[];
  metrics(): Promise<string>;
  readonly metricsContentType: string;
}

/** Builds the server without listening. */
export function createOpsServer(source: OpsSource): FastifyInstance {
  const app = Fastify({ logger: false, forceCloseConnections: true });
  app.get('/livez', (_request, reply) => reply.send('ok\n'));
  app.get('/readyz', (_request, reply) => {
    const reasons = source.notReady();
    if (reasons.length === 0) return reply.send('ok\n');
    return reply.code(503).send(`not ready: ${reasons.join('; ')}\n`);
  });
  app.get('/metrics', async (_request, reply) =>
    reply.header('content-type', source.metricsContentType).send(await source.metrics()),
  );
  return app;
}
