import { signingKey } from '@oci-package-proxy/testing';
import { createMessage, enums, generateKey, readPrivateKey, sign } from 'openpgp';
import { expect, it } from 'vitest';

import type { SigningKey } from '../model/provider.ts';
import { checkedSignature } from './release-signature.ts';

const SUMS = Buffer.from(`${'ab'.repeat(32)}  terraform-provider-demo_1.0.0_linux_amd64.zip\n`);

/** A key that signs with a subkey, as keys of people often do. */
async function keyWithSubkey(): Promise<{ readonly key: SigningKey; readonly issuer: string; sign(bytes: Buffer): Promise<Buffer> }> {
  const { privateKey, publicKey } = await generateKey({ type: 'rsa', rsaBits: 2048, userIDs: [{ name: 'Demo', email: 'demo@example.com' }], subkeys: [{ sign: true }], format: 'armored' });
  const signer = await readPrivateKey({ armoredKey: privateKey });
  const message = async (bytes: Buffer): Promise<Uint8Array> =>
    sign({ message: await createMessage({ binary: bytes }), signingKeys: signer, detached: true, format: 'binary', config: { preferredHashAlgorithm: enums.hash.sha256 } });
  return {
    key: { keyId: signer.getKeyID().toHex().toUpperCase(), asciiArmor: publicKey, trustSignature: '', source: '', sourceUrl: '' },
    issuer: (signer.subkeys[0]?.getKeyID().toHex() ?? '').toUpperCase(),
    sign: async (bytes) => Buffer.from(await message(bytes)),
  };
}

it('takes a signature by a subkey for one of its key, and tells one of other sums from one by somebody else', async () => {
  const { key, issuer, sign: signed } = await keyWithSubkey();
  const stranger = await signingKey();
  const signers = { namespace: 'acme', keys: [key], signer: null };

  expect((await checkedSignature(SUMS, await signed(SUMS), signers)).keys).toEqual([key]);
  expect(issuer).not.toBe(key.keyId);
  await expect(checkedSignature(SUMS, await signed(Buffer.from('others')), signers)).rejects.toMatchObject({ code: 'unprocessable', message: expect.stringContaining(`The signature by ${key.keyId} is not of this SHA256SUMS`) as string });
  await expect(checkedSignature(SUMS, await stranger.sign(SUMS), signers)).rejects.toMatchObject({ code: 'forbidden', message: expect.stringContaining(stranger.keyId) as string });
});
