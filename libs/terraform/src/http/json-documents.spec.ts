import { fastify, type FastifyReply, type FastifyRequest } from 'fastify';
import { expect, it } from 'vitest';

import { JsonDocuments } from './json-documents.ts';
import type { Exchange } from './exchange.ts';

it('makes a document once for all who ask for it while what it is made of is the same', async () => {
  const documents = new JsonDocuments();
  let source = { versions: ['1.0.0'] };
  let made = 0;
  const make = ({ versions }: typeof source): object => {
    made += 1;
    return { list: versions };
  };
  const exchangeOf = (request: FastifyRequest, reply: FastifyReply): Exchange => ({ request, reply, who: { kind: 'anonymous', name: 'anonymous', tokenId: null }, params: {}, started: 0 });
  const app = fastify();
  app.get('/one', async (request, reply) => documents.sendOf(exchangeOf(request, reply), { source, make }, {}));
  app.get('/other', async (request, reply) => documents.sendOf(exchangeOf(request, reply), { source, make: ({ versions }) => ({ other: versions }) }, {}));

  const before = await app.inject('/one');
  const again = await app.inject('/one');
  const other = await app.inject('/other');
  const madeOfOne = made;
  source = { versions: ['1.0.0', '1.1.0'] };
  const changed = await app.inject('/one');
  await app.close();

  expect([before.body, again.body, other.body, changed.body]).toEqual(['{"list":["1.0.0"]}', '{"list":["1.0.0"]}', '{"other":["1.0.0"]}', '{"list":["1.0.0","1.1.0"]}']);
  expect([again.headers.etag === before.headers.etag, changed.headers.etag === before.headers.etag]).toEqual([true, false]);
  expect([madeOfOne, made]).toEqual([1, 2]);
});
