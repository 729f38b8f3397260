import { generateKey, type KeyOptions } from 'openpgp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { armoredPublicKey } from './armor.ts';
import { createGpg, type Gpg } from './gpg.contract.ts';
import { openPgpPackets } from './openpgp-packets.ts';
import { readPublicKey } from './public-key.ts';

let gpg: Gpg;
beforeAll(() => {
  gpg = createGpg();
});
afterAll(() => {
  gpg.close();
});

describe('readPublicKey', () => {
  it.each([
    ['rsa', 'rsa2048'],
    ['ed', 'ed25519'],
    ['p', 'nistp256'],
    ['dsa', 'dsa2048'],
  ])('reads a key of type %s', async (name, algorithm) => {
    const fingerprint = gpg.generate({ name, algorithm, time: '2026-01-02T03:04:05Z' });

    expect(await readPublicKey(gpg.exportKey(fingerprint))).toEqual({
      fingerprint,
      keyId: fingerprint.slice(-16),
      asciiArmor: expect.stringMatching(/^-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n(?:[A-Za-z0-9+/=]{1,76}\n)+=[A-Za-z0-9+/]{4}\n-----END PGP PUBLIC KEY BLOCK-----\n$/),
      userId: `${name} <${name}@example.com>`,
      created: '2026-01-02T03:04:05.000Z',
      expires: null,
    });
  });

  it('says when a key expires', async () => {
    const fingerprint = gpg.generate({ name: 'ends', algorithm: 'ed25519', expires: '2099-01-01' });

    expect((await readPublicKey(gpg.exportKey(fingerprint))).expires).toMatch(/^2099-01-01T/);
  });

  it('makes the same of a key however it was sent, which GnuPG reads', async () => {
    const fingerprint = gpg.generate({ name: 'forms', algorithm: 'ed25519' });
    const armored = gpg.exportKey(fingerprint);
    const [first = '', blank = '', ...content] = armored.split('\n');
    const forms = [
      armored.replaceAll('\n', '\r\n'),
      `Our key:\n\n${armored}\nThank you.\n`,
      armored.replaceAll('\n', '  \n'),
      armored.trim(),
      [first, 'Version: GnuPG v2', 'Comment: mine', blank, ...content].join('\n'),
      content.filter((line) => !/^=/.test(line)).reduce((text, line) => `${text}${line}\n`, `${first}\n\n`),
      `${first}\n\n${content.slice(0, -3).join('')}\n${content.slice(-3).join('\n')}`,
    ];

    const { asciiArmor } = await readPublicKey(armored);

    for (const form of forms) {
      expect((await readPublicKey(form)).asciiArmor).toBe(asciiArmor);
    }
    expect(gpg.run(['--show-keys', '--with-colons'], { input: asciiArmor }).toString()).toContain(fingerprint);
  });

  it('takes a key that signs with a subkey alone', async () => {
    const fingerprint = gpg.generate({ name: 'subkey', algorithm: 'ed25519', usage: 'cert' });
    gpg.run(['--passphrase', '', '--quick-add-key', fingerprint, 'ed25519', 'sign', 'never']);

    expect(await readPublicKey(gpg.exportKey(fingerprint))).toMatchObject({ fingerprint });
  });

  it('refuses a private key, and does not repeat it', async () => {
    const fingerprint = gpg.generate({ name: 'private', algorithm: 'ed25519' });
    const armored = gpg.run(['--passphrase', '', '--armor', '--export-secret-keys', fingerprint]).toString();
    const disguised = armored.replaceAll('PRIVATE KEY BLOCK', 'PUBLIC KEY BLOCK');

    for (const text of [armored, disguised, `${gpg.exportKey(fingerprint)}${armored}`]) {
      await expect(readPublicKey(text)).rejects.toThrow(expect.objectContaining({ code: 'invalid', message: expect.stringMatching(/^This is a private key\. It was not kept/) }));
    }
  });

  it('refuses several keys, in one block and in several', async () => {
    const [first = '', second = ''] = ['one', 'two'].map((name) => gpg.generate({ name, algorithm: 'ed25519' }));

    await expect(readPublicKey(gpg.exportKey(first, second))).rejects.toThrow('These are several keys');
    await expect(readPublicKey(gpg.exportKey(first) + gpg.exportKey(second))).rejects.toThrow('These are several keys');
  });

  it('refuses a weak key', async () => {
    const fingerprint = gpg.generate({ name: 'weak', algorithm: 'rsa1024' });

    await expect(readPublicKey(gpg.exportKey(fingerprint))).rejects.toThrow('has 1024 bits, where 2048');
  });

  it.each(['secp256k1', 'brainpoolP384r1'])('refuses a key on the curve %s', async (curve) => {
    const fingerprint = gpg.generate({ name: curve, algorithm: curve });

    await expect(readPublicKey(gpg.exportKey(fingerprint))).rejects.toThrow(`The key is on the curve ${curve}`);
  });

  it('refuses a key that has expired', async () => {
    const fingerprint = gpg.generate({ name: 'expired', algorithm: 'ed25519', expires: '2020-06-01', time: '2020-01-01T00:00:00Z' });

    await expect(readPublicKey(gpg.exportKey(fingerprint))).rejects.toThrow('The key has expired on 2020-06-01: extend it');
  });

  it('refuses a key that was revoked', async () => {
    const fingerprint = gpg.generate({ name: 'revoked', algorithm: 'ed25519' });
    gpg.revoke(fingerprint);

    await expect(readPublicKey(gpg.exportKey(fingerprint))).rejects.toThrow('The key was revoked');
  });

  it('refuses a key that cannot sign', async () => {
    const fingerprint = gpg.generate({ name: 'certifies', algorithm: 'ed25519', usage: 'cert' });

    await expect(readPublicKey(gpg.exportKey(fingerprint))).rejects.toThrow('The key cannot sign now');
  });

  it('refuses a key whose only signing subkey has expired', async () => {
    const fingerprint = gpg.generate({ name: 'stale', algorithm: 'ed25519', usage: 'cert', time: '2020-01-01T00:00:00Z' });
    gpg.run(['--passphrase', '', '--quick-add-key', fingerprint, 'ed25519', 'sign', '2020-06-01'], { time: '2020-01-01T00:00:00Z' });

    await expect(readPublicKey(gpg.exportKey(fingerprint))).rejects.toThrow('The key cannot sign now');
  });

  const userIDs = [{ name: 'New', email: 'new@example.com' }];
  it.each<[string, KeyOptions, string]>([
    ['of the new Ed25519 type', { type: 'curve25519', userIDs }, 'version 4, algorithm 27'],
    ['of the new Ed448 type', { type: 'curve448', userIDs }, 'algorithm 28'],
    ['of version 6', { type: 'rsa', rsaBits: 2048, userIDs, config: { v6Keys: true } }, 'version 6'],
    ['with a subkey of a new type', { type: 'rsa', rsaBits: 2048, userIDs, subkeys: [{ type: 'curve25519' }] }, 'algorithm 25'],
  ])('refuses a key %s, which Terraform cannot read', async (_, options, reason) => {
    const { publicKey } = await generateKey({ ...options, format: 'armored' });

    await expect(readPublicKey(publicKey)).rejects.toThrow(expect.objectContaining({ code: 'invalid', message: expect.stringContaining(reason) }));
  });

  it('refuses a key with a signature that Terraform stumbles over', async () => {
    const fingerprint = gpg.generate({ name: 'attested', algorithm: 'ed25519' });
    const bytes = gpg.run(['--export', fingerprint]);
    const packets = openPgpPackets(bytes);
    const [primary, userId, certification] = packets;
    const start = userId?.end ?? 0;
    const attestation = Buffer.from(bytes.subarray(start, certification?.end));
    attestation.writeUInt8(0x16, attestation.length - (certification?.body.length ?? 0) + 1);
    const inserted = Buffer.concat([bytes.subarray(0, start), attestation, bytes.subarray(start)]);

    expect([primary, userId, certification].map((packet) => packet?.tag)).toEqual([6, 13, 2]);
    await expect(readPublicKey(armoredPublicKey(inserted))).rejects.toThrow('has a signature of the type 0x16');
    await expect(readPublicKey(armoredPublicKey(bytes))).resolves.toMatchObject({ fingerprint });
  });

  it.each([
    [9_000, 17, 'has 9000 bits'],
    [2_048, 25, 'has a public exponent'],
  ])('refuses an RSA key of %d bits with an exponent of %d', async (bits, exponentBits, reason) => {
    const number = (size: number): Buffer => Buffer.concat([Buffer.from([size >> 8, size & 0xff]), Buffer.alloc(Math.ceil(size / 8), 0xff)]);
    const body = Buffer.concat([Buffer.from([4, 0, 0, 0, 0, 1]), number(bits), number(exponentBits)]);
    const packet = Buffer.concat([Buffer.from([0xc6, 0xff, 0, 0, body.length >> 8, body.length & 0xff]), body]);

    await expect(readPublicKey(armoredPublicKey(packet))).rejects.toThrow(reason);
  });

  it('refuses a key that somebody has changed', async () => {
    const fingerprint = gpg.generate({ name: 'changed', algorithm: 'ed25519' });
    const [first = '', blank = '', line = '', ...rest] = gpg.exportKey(fingerprint).split('\n');
    const changed = [first, blank, `${line.slice(0, 40)}${line[40] === 'A' ? 'B' : 'A'}${line.slice(41)}`, ...rest].join('\n');

    await expect(readPublicKey(changed)).rejects.toThrow(expect.objectContaining({ code: 'invalid' }));
  });

  it.each(['', 'hello', '-----BEGIN PGP PUBLIC KEY BLOCK-----', '-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n\n-----END PGP PUBLIC KEY BLOCK-----', '-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nAAAA\n-----END PGP PUBLIC KEY BLOCK-----', '-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nxsFNBA==\n-----END PGP PUBLIC KEY BLOCK-----', '-----BEGIN PGP SIGNATURE-----\n\nwsFNBA==\n-----END PGP SIGNATURE-----', 'x'.repeat(600_000), '-'.repeat(500_000), '-----BEGIN PGP PUBLIC KEY BLOCK-----\n'.repeat(10_000)])(
    'refuses what is none (case %#)',
    async (text) => {
      const started = performance.now();

      await expect(readPublicKey(text)).rejects.toThrow(expect.objectContaining({ code: 'invalid' }));
      expect(performance.now() - started).toBeLessThan(1_000);
    },
  );
});
