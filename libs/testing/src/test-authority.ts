import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { join } from 'node:path';

import { BasicConstraintsExtension, ExtendedKeyUsage, ExtendedKeyUsageExtension, PemConverter, SubjectAlternativeNameExtension, type X509Certificate, X509CertificateGenerator } from '@peculiar/x509';

/** A certificate with its key, as PEM and as files. */
export interface TestCertificate {
  readonly cert: string;
  readonly key: string;
  readonly certFile: string;
  readonly keyFile: string;
}

/** A certificate authority of one test run. */
export interface TestAuthority {
  /** What clients are to trust: PEM, and the file of it. */
  readonly ca: string;
  readonly caFile: string;
  /** A certificate of a server. @param hosts names and addresses; those of loopback when absent. */
  certificate(hosts?: readonly string[]): Promise<TestCertificate>;
  /** A certificate of a client. */
  clientCertificate(): Promise<TestCertificate>;
}

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const DAY_MS = 86_400_000;
const LOOPBACK = ['localhost', '127.0.0.1', '::1'];

/** Makes an authority whose files are in `directory`. */
export async function testAuthority(directory: string): Promise<TestAuthority> {
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const authority = await X509CertificateGenerator.createSelfSigned({ name: 'CN=Tests', keys, signingAlgorithm: ALGORITHM, ...lifetime(), extensions: [new BasicConstraintsExtension(true, 0, true)] });
  const caFile = join(directory, 'test-ca.pem');
  const ca = `${authority.toString('pem')}\n`;
  await writeFile(caFile, ca);
  let made = 0;
  return {
    ca,
    caFile,
    certificate: async (hosts = LOOPBACK) => {
      made += 1;
      return issue({ authority, signingKey: keys.privateKey, hosts, stem: join(directory, `test-server-${made}`) });
    },
    clientCertificate: async () => {
      made += 1;
      return issue({ authority, signingKey: keys.privateKey, hosts: null, stem: join(directory, `test-client-${made}`) });
    },
  };
}

interface Wanted {
  readonly authority: X509Certificate;
  readonly signingKey: webcrypto.CryptoKey;
  /** Of a server; null: a client's. */
  readonly hosts: readonly string[] | null;
  readonly stem: string;
}

async function issue({ authority, signingKey, hosts, stem }: Wanted): Promise<TestCertificate> {
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const certificate = await X509CertificateGenerator.create({
    subject: hosts === null ? 'CN=Test client' : 'CN=Test server',
    issuer: authority.subject,
    publicKey: keys.publicKey,
    signingKey,
    signingAlgorithm: ALGORITHM,
    ...lifetime(),
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new ExtendedKeyUsageExtension([hosts === null ? ExtendedKeyUsage.clientAuth : ExtendedKeyUsage.serverAuth]),
      ...(hosts === null ? [] : [new SubjectAlternativeNameExtension(hosts.map((host) => ({ type: isIP(host) === 0 ? ('dns' as const) : ('ip' as const), value: host })))]),
    ],
  });
  const cert = `${certificate.toString('pem')}\n`;
  const key = `${PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey), 'PRIVATE KEY')}\n`;
  const files = { certFile: `${stem}.pem`, keyFile: `${stem}-key.pem` };
  await writeFile(files.certFile, cert);
  await writeFile(files.keyFile, key, { mode: 0o600 });
  return { cert, key, ...files };
}

function lifetime(): { notBefore: Date; notAfter: Date } {
  return { notBefore: new Date(Date.now() - DAY_MS), notAfter: new Date(Date.now() + 30 * DAY_MS) };
}
