import type { FastifyInstance } from 'fastify';

import type { HealthChecks } from '../health/health-checks.ts';

/** `/livez`: the event loop turns. `/readyz`: 200 while requests are welcome, else 503, from cached verdicts. */
export function addHealthRoutes(fastify: FastifyInstance, health: HealthChecks): void {
  fastify.get('/livez', (_request, reply) => {
    void reply.header('cache-control', 'no-store').send({ status: 'ok' });
  });
  fastify.get('/readyz', (_request, reply) => {
    const verdict = health.verdict();
    void reply.code(verdict.ready ? 200 : 503).header('cache-control', 'no-store').send(verdict);
  });
}
