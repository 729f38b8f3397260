import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { join } from 'node:path';

import { BasicConstraintsExtension, ExtendedKeyUsage, ExtendedKeyUsageExtension, KeyUsageFlags, KeyUsagesExtension, PemConverter, SubjectAlternativeNameExtension, X509Certificate, X509CertificateGenerator } from '@peculiar/x509';

import { replaceFile } from './replace-file.ts';
import type { TlsPair } from '../http/app-servers.ts';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const DAY_MS = 86_400_000;
const CA_DAYS = 3650;
// Clients refuse server certificates that live longer than 398 days.
const SERVER_DAYS = 390;
const RENEW_DAYS = 30;

/**
 * The certificate of a standalone process for `hosts`, by a CA of its own: `<directory>/ca.pem`, which clients are to trust.
 * Both are made when they are missing, survive restarts, and the server's is made anew before it ends or when `hosts` change.
 * @throws what the file system throws when `directory` cannot be written.
 */
export async function selfMadeTls(directory: string, hosts: readonly string[]): Promise<TlsPair> {
  const ca = await readIdentity(directory, 'ca');
  const authority = ca !== null && isAlive(ca) ? ca : await makeAuthority(directory);
  const server = await readIdentity(directory, 'server');
  const usable = server !== null && isAlive(server) && covers(server.certificate, hosts) && (await server.certificate.verify({ publicKey: authority.certificate.publicKey }));
  const identity = usable ? server : await makeServer(directory, authority, hosts);
  return { cert: identity.certificate.toString('pem') + '\n' + authority.certificate.toString('pem'), key: identity.keyPem };
}

interface Identity {
  readonly certificate: X509Certificate;
  readonly keyPem: string;
}

async function makeAuthority(directory: string): Promise<Identity> {
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: 'CN=OCI Package Proxy standalone CA',
    keys,
    signingAlgorithm: ALGORITHM,
    notBefore: new Date(Date.now() - DAY_MS),
    notAfter: new Date(Date.now() + CA_DAYS * DAY_MS),
    extensions: [new BasicConstraintsExtension(true, 0, true), new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true)],
  });
  return keep(directory, 'ca', { certificate, privateKey: keys.privateKey });
}

async function makeServer(directory: string, authority: Identity, hosts: readonly string[]): Promise<Identity> {
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const signingKey = await webcrypto.subtle.importKey('pkcs8', PemConverter.decodeFirst(authority.keyPem), ALGORITHM, false, ['sign']);
  const certificate = await X509CertificateGenerator.create({
    subject: 'CN=OCI Package Proxy',
    issuer: authority.certificate.subject,
    publicKey: keys.publicKey,
    signingKey,
    signingAlgorithm: ALGORITHM,
    notBefore: new Date(Date.now() - DAY_MS),
    notAfter: new Date(Math.min(Date.now() + SERVER_DAYS * DAY_MS, authority.certificate.notAfter.getTime())),
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
      new SubjectAlternativeNameExtension(hosts.map((host) => ({ type: isIP(host) === 0 ? ('dns' as const) : ('ip' as const), value: host }))),
    ],
  });
  return keep(directory, 'server', { certificate, privateKey: keys.privateKey });
}

async function keep(directory: string, name: string, made: { readonly certificate: X509Certificate; readonly privateKey: webcrypto.CryptoKey }): Promise<Identity> {
  const keyPem = `${PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', made.privateKey), 'PRIVATE KEY')}\n`;
  // The key first: a certificate without its key would never be replaced.
  await replaceFile(join(directory, `${name}-key.pem`), keyPem, 0o600);
  await replaceFile(join(directory, `${name}.pem`), `${made.certificate.toString('pem')}\n`, 0o644);
  return { certificate: made.certificate, keyPem };
}

async function readIdentity(directory: string, name: string): Promise<Identity | null> {
  try {
    const certificate = new X509Certificate(await readFile(join(directory, `${name}.pem`), 'utf8'));
    const keyPem = await readFile(join(directory, `${name}-key.pem`), 'utf8');
    return (await belongTogether(certificate, keyPem)) ? { certificate, keyPem } : null;
  } catch {
    // Missing or unreadable: made anew.
    return null;
  }
}

async function belongTogether(certificate: X509Certificate, keyPem: string): Promise<boolean> {
  const key = await webcrypto.subtle.importKey('pkcs8', PemConverter.decodeFirst(keyPem), ALGORITHM, false, ['sign']);
  const probe = Buffer.from('probe');
  const signature = await webcrypto.subtle.sign(ALGORITHM, key, probe);
  return webcrypto.subtle.verify(ALGORITHM, await certificate.publicKey.export(ALGORITHM, ['verify']), signature, probe);
}

function isAlive({ certificate }: Identity): boolean {
  return certificate.notAfter.getTime() - Date.now() > RENEW_DAYS * DAY_MS;
}

function covers(certificate: X509Certificate, hosts: readonly string[]): boolean {
  const names = certificate.getExtension(SubjectAlternativeNameExtension)?.names.items.map(({ value }) => value) ?? [];
  return hosts.every((host) => names.includes(host));
}
