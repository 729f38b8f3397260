import { X509Certificate } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { temporaryDirectory } from '@oci-package-proxy/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { tlsPair } from './tls-pair.ts';

describe('tlsPair', () => {
  let home: string;

  beforeAll(async () => {
    home = await temporaryDirectory('tls-pair');
  });
  afterAll(async () => rm(home, { recursive: true, force: true }));

  it('is none without TLS', async () => {
    expect(await tlsPair({ tls: null, host: '127.0.0.1', publicUrl: null })).toBeNull();
  });

  it.each([
    ['127.0.0.1', null, []],
    ['0.0.0.0', 'https://packages.example.com:8443/x', ['packages.example.com']],
    ['192.0.2.7', 'https://[fd00::1]:8443', ['192.0.2.7', 'fd00::1']],
  ])('makes a certificate for this machine, %s and %s', async (host, publicUrl, more) => {
    const directory = join(home, host);

    const pair = await tlsPair({ tls: { kind: 'self-made', port: 8443, directory }, host, publicUrl });
    const certificate = new X509Certificate(pair?.cert ?? '');

    expect(certificate.checkHost('localhost')).toBe('localhost');
    for (const name of ['127.0.0.1', '::1', ...more]) {
      expect(certificate.checkHost(name) ?? certificate.checkIP(name), name).toBe(name);
    }
    expect(certificate.checkIP('0.0.0.0')).toBeUndefined();
    expect(certificate.verify(new X509Certificate(await readFile(join(directory, 'ca.pem'))).publicKey)).toBe(true);
  });

  it('reads the operator\'s files', async () => {
    const made = await tlsPair({ tls: { kind: 'self-made', port: 8443, directory: join(home, 'source') }, host: 'localhost', publicUrl: null });
    const [certFile, keyFile] = [join(home, 'cert.pem'), join(home, 'key.pem')];
    await writeFile(certFile, made?.cert ?? '');
    await writeFile(keyFile, made?.key ?? '');

    expect(await tlsPair({ tls: { kind: 'files', port: 8443, certFile, keyFile }, host: 'localhost', publicUrl: null })).toEqual(made);
  });

  it.each([
    ['is not there', null, /TLS_CERT_FILE: the file cannot be read/],
    ['is not PEM', 'hidden', /TLS_CERT_FILE: the file is not PEM/],
  ])('refuses a file that %s', async (_what, content, text) => {
    const certFile = join(home, 'bad.pem');
    if (content !== null) {
      await writeFile(certFile, content);
    }

    await expect(tlsPair({ tls: { kind: 'files', port: 8443, certFile, keyFile: certFile }, host: 'localhost', publicUrl: null })).rejects.toMatchObject({ code: 'config', message: expect.stringMatching(text) });
  });

  it('refuses a directory that cannot be written', async () => {
    const plain = join(home, 'plain');
    await writeFile(plain, 'a file');

    await expect(tlsPair({ tls: { kind: 'self-made', port: 8443, directory: join(plain, 'tls') }, host: 'localhost', publicUrl: null })).rejects.toMatchObject({ code: 'config', message: expect.stringContaining('DATA_DIR') });
  });
});
