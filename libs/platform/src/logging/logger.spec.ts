import { Writable } from 'node:stream';

import { ProxyError } from '@oci-package-proxy/errors';
import { describe, expect, it } from 'vitest';

import { annotateRequest, newExchange, withExchange } from './exchange.ts';
import { createLogger, type Logger } from './logger.ts';
import { NestLogger } from './nest-logger.ts';

function collecting(level: 'info' | 'trace' = 'info'): { logger: Logger; lines: Record<string, unknown>[] } {
  const lines: Record<string, unknown>[] = [];
  const destination = new Writable({
    write(chunk: Buffer, _encoding, done) {
      lines.push(JSON.parse(chunk.toString()) as Record<string, unknown>);
      done();
    },
  });
  return { logger: createLogger({ name: 'alpha', level, destination }), lines };
}

describe('createLogger', () => {
  it('writes lines of JSON with time, level and name', () => {
    const { logger, lines } = collecting();

    logger.info({ package: 'lib' }, 'stored');
    logger.debug('not shown');

    expect(lines).toEqual([{ level: 'info', name: 'alpha', package: 'lib', msg: 'stored', time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/), pid: process.pid, hostname: expect.any(String) }]);
  });

  it.each([
    [{ authorization: 'hidden' }],
    [{ headers: { authorization: 'hidden', cookie: 'hidden' } }],
    [{ request: { headers: { authorization: 'hidden' } } }],
    [{ password: 'hidden', user: { password: 'hidden', token: 'hidden' } }],
    [{ config: { secretKey: 'hidden', secret: 'hidden', identityToken: 'hidden' } }],
    [{ body: { _auth: 'hidden', _authToken: 'hidden', _password: 'hidden' } }],
  ])('never writes secrets: %j', (fields) => {
    const { logger, lines } = collecting();

    logger.warn(fields, 'said');

    expect(JSON.stringify(lines)).not.toContain('hidden');
    expect(JSON.stringify(lines)).toContain('[redacted]');
  });

  it('writes code and text of errors that were foreseen, and the stack of the others', () => {
    const { logger, lines } = collecting();

    logger.error({ err: new ProxyError('storage-unavailable', 'down', { cause: new Error('ECONNREFUSED') }) }, 'one');
    logger.error({ err: new ProxyError('internal', 'defect', { cause: new Error('why') }) }, 'two');
    logger.error({ err: new Error('unforeseen') }, 'three');

    expect(lines[0]?.['err']).toEqual({ code: 'storage-unavailable', message: 'down', cause: 'ECONNREFUSED' });
    expect(lines.slice(1).map(({ err }) => JSON.stringify(err))).toEqual([expect.stringMatching(/defect.*stack.*why/s), expect.stringMatching(/unforeseen.*stack/s)]);
  });

  it('writes which request is running, also after a wait', async () => {
    const { logger, lines } = collecting();

    await withExchange(newExchange('request-1'), async () => {
      annotateRequest({ package: 'lib' });
      await new Promise((resolve) => setImmediate(resolve));
      logger.info('inside');
    });
    logger.info('outside');

    expect(lines).toMatchObject([{ requestId: 'request-1', package: 'lib' }, {}]);
    expect(lines[1]).not.toHaveProperty('requestId');
  });
});

describe('NestLogger', () => {
  it('writes what Nest says, one level quieter', () => {
    const { logger, lines } = collecting('trace');
    const nest = new NestLogger(logger);

    nest.log('mapped', 'Router');
    nest.warn('careful');
    nest.error(new Error('broken'), 'stack', 'Exceptions');

    expect(lines.map(({ level, context, detail, msg }) => [level, context, detail, msg])).toEqual([
      ['debug', 'Router', 'mapped', 'nest'],
      ['warn', undefined, 'careful', 'nest'],
      ['error', 'Exceptions', undefined, 'nest'],
    ]);
    expect(lines[2]?.['err']).toMatchObject({ message: 'broken' });
  });
});
