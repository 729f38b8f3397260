import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer, request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

import { temporaryDirectory } from '@oci-package-proxy/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { TlsPair } from '../http/app-servers.ts';
import { selfMadeTls } from './self-made-tls.ts';

const HOSTS = ['localhost', '127.0.0.1', '::1'];

/** @returns the status that a real client gets, which trusts nothing but `ca`. @throws what its TLS stack says. */
async function ask(pair: TlsPair, ca: string, host: string): Promise<number> {
  const server = createServer(pair, (_request, response) => response.end('ok'));
  await new Promise<void>((resolve) => server.listen(0, resolve));
  try {
    return await new Promise((resolve, reject) => {
      request({ host, port: (server.address() as AddressInfo).port, ca, agent: false }, (answer) => {
        answer.resume();
        resolve(answer.statusCode ?? 0);
      })
        .once('error', reject)
        .end();
    });
  } finally {
    server.close();
  }
}

describe('selfMadeTls', () => {
  let home: string;

  beforeAll(async () => {
    home = await temporaryDirectory('tls');
  });
  afterAll(() => rm(home, { recursive: true, force: true }));

  it.each(['localhost', '127.0.0.1', '::1'])('serves a client at %s that trusts the CA alone', async (host) => {
    const directory = join(home, `for-${host.replaceAll(':', '')}`);

    const pair = await selfMadeTls(directory, HOSTS);
    const ca = await readFile(join(directory, 'ca.pem'), 'utf8');

    expect(await ask(pair, ca, host)).toBe(200);
  });

  it('keeps both certificates over restarts, and its keys to itself', async () => {
    const directory = join(home, 'kept');

    const first = await selfMadeTls(directory, HOSTS);
    const second = await selfMadeTls(directory, HOSTS);

    expect(second).toEqual(first);
    for (const key of ['ca-key.pem', 'server-key.pem']) {
      expect((await stat(join(directory, key))).mode & 0o777).toBe(0o600);
    }
  });

  it('makes a new server certificate for a new host, by the same CA', async () => {
    const directory = join(home, 'hosts');
    const first = await selfMadeTls(directory, HOSTS);
    const ca = await readFile(join(directory, 'ca.pem'), 'utf8');

    const second = await selfMadeTls(directory, [...HOSTS, 'packages.example.com']);

    expect(second.cert).not.toBe(first.cert);
    expect(await readFile(join(directory, 'ca.pem'), 'utf8')).toBe(ca);
    expect(await ask(second, ca, 'localhost')).toBe(200);
  });

  it.each(['ca.pem', 'server.pem', 'server-key.pem'])('mends a damaged %s', async (name) => {
    const directory = join(home, `damaged-${name}`);
    await mkdir(directory, { recursive: true });
    await selfMadeTls(directory, HOSTS);
    await writeFile(join(directory, name), 'not PEM');

    const pair = await selfMadeTls(directory, HOSTS);

    expect(await ask(pair, await readFile(join(directory, 'ca.pem'), 'utf8'), 'localhost')).toBe(200);
  });
});
