import { generateKey } from 'openpgp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { createGpg, type Gpg } from './gpg.contract.ts';
import { readPublicKey } from './public-key.ts';
import { signersOf } from './sums-signature.ts';
import { createSumsSigner, generateSigningKey } from './sums-signer.ts';

const SUMS = Buffer.from(`${'a'.repeat(64)}  terraform-provider-demo_1.0.0_linux_amd64.zip\n`);

let gpg: Gpg;
beforeAll(() => {
  gpg = createGpg();
});
afterAll(() => {
  gpg.close();
});

function secretKey(fingerprint: string, passphrase = ''): string {
  return gpg.run(['--passphrase', passphrase, '--armor', '--export-secret-keys', fingerprint]).toString();
}

describe('createSumsSigner', () => {
  it('signs with a new key, and GnuPG agrees', async () => {
    const { privateKey, publicKey } = await generateSigningKey({ name: 'Acme', email: 'acme@example.com' });
    const signer = await createSumsSigner({ armoredPrivateKey: privateKey, passphrase: null });

    const signature = await signer.sign(SUMS);

    const read = await readPublicKey(publicKey);
    gpg.run(['--import'], { input: signer.publicKey().asciiArmor });
    expect(signer.publicKey()).toEqual({ keyId: read.keyId, asciiArmor: read.asciiArmor, trustSignature: '', source: '', sourceUrl: '' });
    expect(gpg.run(['--with-colons', '--list-keys', read.fingerprint]).toString()).toMatch(/^pub:[^:]*:4096:1:.*\n(?:.*\n)*uid:.*:Acme <acme@example\.com>:/m);
    expect(gpg.accepts(SUMS, signature)).toBe(true);
    expect(gpg.accepts(Buffer.from('other'), signature)).toBe(false);
    expect(await signersOf({ sums: SUMS, signature, keys: [signer.publicKey()] })).toEqual([signer.publicKey()]);
  });

  it.each(['', 'correct horse'])('signs with a key of GnuPG, its passphrase being %j', async (passphrase) => {
    const fingerprint = gpg.generate({ name: `key${passphrase.length}`, algorithm: 'rsa2048', passphrase });
    const signer = await createSumsSigner({ armoredPrivateKey: secretKey(fingerprint, passphrase), passphrase: passphrase === '' ? null : passphrase });

    expect(gpg.accepts(SUMS, await signer.sign(SUMS))).toBe(true);
    expect(signer.publicKey().keyId).toBe(fingerprint.slice(-16));
    expect(signer.publicKey().asciiArmor).not.toContain('PRIVATE');
  });

  it('signs with a subkey where the primary key is kept elsewhere', async () => {
    const fingerprint = gpg.generate({ name: 'offline', algorithm: 'ed25519', usage: 'cert' });
    gpg.run(['--passphrase', '', '--quick-add-key', fingerprint, 'ed25519', 'sign', 'never']);
    const armoredPrivateKey = gpg.run(['--passphrase', '', '--armor', '--export-secret-subkeys', fingerprint]).toString();

    const signer = await createSumsSigner({ armoredPrivateKey, passphrase: null });

    expect(gpg.accepts(SUMS, await signer.sign(SUMS))).toBe(true);
  });

  it('makes signatures that a client whose clock is late takes too', async () => {
    const fingerprint = gpg.generate({ name: 'clock', algorithm: 'ed25519', time: '2026-01-01T00:00:00Z' });
    const signer = await createSumsSigner({ armoredPrivateKey: secretKey(fingerprint), passphrase: null });

    const listed = gpg.run(['--list-packets'], { input: await signer.sign(SUMS) }).toString();

    const created = Number(/created (\d+)/.exec(listed)?.[1]);
    expect(Date.now() / 1000 - created).toBeGreaterThan(55);
    expect(Date.now() / 1000 - created).toBeLessThan(120);
  });

  it.each([
    ['a wrong passphrase', () => ({ armoredPrivateKey: secretKey(gpg.generate({ name: 'locked', algorithm: 'ed25519', passphrase: 'right' }), 'right'), passphrase: 'wrong' }), 'the passphrase may be wrong'],
    ['no passphrase', () => ({ armoredPrivateKey: secretKey(gpg.generate({ name: 'locked-too', algorithm: 'ed25519', passphrase: 'right' }), 'right'), passphrase: null }), 'has a passphrase'],
    ['a public key', () => ({ armoredPrivateKey: gpg.exportKey(gpg.generate({ name: 'public', algorithm: 'ed25519' })), passphrase: null }), 'is no armored private key'],
    ['no key', () => ({ armoredPrivateKey: 'secret text', passphrase: null }), 'is no armored private key'],
    ['a weak key', () => ({ armoredPrivateKey: secretKey(gpg.generate({ name: 'weak', algorithm: 'rsa1024' })), passphrase: null }), 'has 1024 bits'],
    ['an expired key', () => ({ armoredPrivateKey: secretKey(gpg.generate({ name: 'expired', algorithm: 'ed25519', expires: '2020-06-01', time: '2020-01-01T00:00:00Z' })), passphrase: null }), 'has expired on 2020-06-01'],
  ])('refuses %s', async (_, options, reason) => {
    const error = await createSumsSigner(options()).catch((caught: unknown) => caught);

    expect(error).toMatchObject({ code: 'config', message: expect.stringContaining(reason) });
    expect(String(error)).not.toMatch(/secret text|right|BEGIN PGP/);
  });

  it('refuses a key of a type that Terraform cannot read', async () => {
    const { privateKey } = await generateKey({ type: 'curve25519', userIDs: [{ name: 'New' }], format: 'armored' });

    await expect(createSumsSigner({ armoredPrivateKey: privateKey, passphrase: null })).rejects.toThrow(expect.objectContaining({ code: 'config', message: expect.stringContaining('use an RSA key') }));
  });
});
