import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';

import { createMessage, readKey, readSignature, verify } from 'openpgp';
import { expect, it } from 'vitest';

import { bigArchive } from './big-archive.ts';
import { providerRelease } from './provider-release.ts';
import { signingKey, type TestKeyKind } from './signing-key.ts';
import { uploadForm } from './upload-form.ts';

it.each<TestKeyKind>(['rsa', 'ed25519-legacy', 'curve25519'])('signs the sums of all files with a key of kind %s', async (kind) => {
  const key = await signingKey({ kind });

  const release = await providerRelease({ type: 'demo', version: '1.2.3', platforms: ['linux_amd64', 'darwin_arm64'], key });

  expect(release.files.map(({ filename }) => filename)).toEqual([
    'terraform-provider-demo_1.2.3_SHA256SUMS',
    'terraform-provider-demo_1.2.3_SHA256SUMS.sig',
    'terraform-provider-demo_1.2.3_manifest.json',
    'terraform-provider-demo_1.2.3_linux_amd64.zip',
    'terraform-provider-demo_1.2.3_darwin_arm64.zip',
  ]);
  expect(release.sums.bytes.toString()).toBe(
    [...release.archives, release.manifest].map((file) => `${file?.sha256}  ${file?.filename}\n`).join(''),
  );
  const checked = await verify({
    message: await createMessage({ binary: new Uint8Array(release.sums.bytes) }),
    signature: await readSignature({ binarySignature: new Uint8Array(release.signature?.bytes ?? []) }),
    verificationKeys: await readKey({ armoredKey: key.publicKey }),
  });
  await expect(checked.signatures[0]?.verified).resolves.toBe(true);
});

it('makes a big archive from pieces: the same at every reading, of the announced size and digest, with the hash that Go computes', () => {
  const archive = bigArchive({ type: 'bigr', version: '1.0.0', platform: 'linux_amd64', bytes: 5_000_000 });

  const [one, other] = [Buffer.concat([...archive.pieces()]), Buffer.concat([...archive.pieces()])];

  expect(one.equals(other)).toBe(true);
  expect([one.length, createHash('sha256').update(one).digest('hex')]).toEqual([archive.size, archive.sha256]);
  expect(one.readUInt32LE(14)).toBe(crc32(one.subarray(30 + one.readUInt16LE(26), -(archive.size - 5_000_000 - 30 - one.readUInt16LE(26)))));
  // Copied from the lock file that terraform 1.11.4 wrote for this archive.
  expect(archive.h1).toBe('h1:VfE5skItgZweC92odMqgCsn1tsqeOW8EZloXsgCWhLg=');
});

it('writes a form that others read, and says its length', async () => {
  const release = await providerRelease({ type: 'demo', version: '1.0.0', key: null });

  const form = uploadForm(release.files, { namespace: 'acme' }, ({ filename }) => filename);
  const body = Buffer.concat(await form.stream().toArray() as Buffer[]);
  const read = await new Response(new Uint8Array(body), { headers: { 'content-type': form.contentType } }).formData();

  expect(body.length).toBe(form.length);
  expect(read.get('namespace')).toBe('acme');
  for (const { filename, sha256 } of release.files) {
    const file = read.get(filename) as File;
    expect(file.name).toBe(filename);
    expect(createHash('sha256').update(Buffer.from(await file.arrayBuffer())).digest('hex')).toBe(sha256);
  }
});
