import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { connect } from 'node:tls';

import { Module } from '@nestjs/common';
import { eventually, temporaryDirectory } from '@oci-package-proxy/testing';
import { expect, it } from 'vitest';

import { createHttpApp } from '../http/http-app.ts';
import { listenHttp } from '../http/listening.ts';
import { collectingLogger } from '../http/probe-app.contract.ts';
import { renewCertificate } from './certificate-renewal.ts';
import { selfMadeTls } from './self-made-tls.ts';

@Module({})
class EmptyModule {}

/** Serial number of the certificate that a new connection is shown. */
async function shown(port: number | null): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const socket = connect({ port: port ?? 0, host: '127.0.0.1', rejectUnauthorized: false }, () => resolve(socket.getPeerCertificate().serialNumber));
  socket.once('error', reject);
  return promise.finally(() => socket.destroy());
}

it('gives new connections the new certificate, and keeps the one of before while the new one is broken', async () => {
  const directory = await temporaryDirectory('renewal');
  const old = await selfMadeTls(join(directory, 'old'), ['127.0.0.1']);
  const next = await selfMadeTls(join(directory, 'next'), ['127.0.0.1']);
  const lines: string[] = [];
  const logger = collectingLogger(lines);
  const app = await createHttpApp(EmptyModule, { config: { basePath: '', instanceId: 'renewal' }, logger });
  const listeners = await listenHttp(app, { host: '127.0.0.1', port: 0, tls: { port: 0, pair: old } });
  let file = old;
  const stop = renewCertificate({ read: async () => Promise.resolve(file), current: old, replace: listeners.replaceCertificate, logger, everyMs: 10 });

  const first = await shown(listeners.tlsPort);
  file = { cert: next.cert, key: old.key };
  await eventually('the broken pair is noticed', async () => Promise.resolve(lines.join('').includes('certificate cannot be renewed')), 5_000);
  const meanwhile = await shown(listeners.tlsPort);
  file = next;
  await eventually('the new pair is taken', async () => (await shown(listeners.tlsPort)) !== first, 5_000);
  stop();
  await app.close();
  await rm(directory, { recursive: true, force: true });

  expect(meanwhile).toBe(first);
  expect(lines.filter((line) => line.includes('certificate replaced'))).toHaveLength(1);
});
