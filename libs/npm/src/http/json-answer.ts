import type { FastifyReply } from 'fastify';

/** Answers with a small JSON document that nobody may keep. Fastify leaves the type of a buffer alone. */
export async function sendJson(reply: FastifyReply, body: unknown, status = 200): Promise<void> {
  await reply.code(status).header('cache-control', 'no-store').header('content-type', 'application/json').send(Buffer.from(JSON.stringify(body)));
}
