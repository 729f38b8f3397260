import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { SigningKey } from '../model/provider.ts';
import { createGpg, type Gpg, shownKey } from './gpg.contract.ts';
import { binarySignature, issuersOf, signersOf } from './sums-signature.ts';

const SUMS = Buffer.from(`${'a'.repeat(64)}  terraform-provider-demo_1.0.0_linux_amd64.zip\n`);
const IN_2020 = '2020-03-01T00:00:00Z';

let gpg: Gpg;
let rsa: string;
let ed: string;
beforeAll(() => {
  gpg = createGpg();
  rsa = gpg.generate({ name: 'rsa', algorithm: 'rsa2048' });
  ed = gpg.generate({ name: 'ed', algorithm: 'ed25519' });
});
afterAll(() => {
  gpg.close();
});

async function isSigner(fingerprint: string, signature: Buffer, how: { readonly sums?: Buffer; readonly takesExpired?: boolean } = {}): Promise<boolean> {
  return (await signersOf({ sums: SUMS, signature, keys: [shownKey(gpg.exportKey(fingerprint))], ...how })).length === 1;
}

describe('signersOf', () => {
  it('gives the keys that have signed, as they came', async () => {
    const keys: SigningKey[] = [
      { keyId: 'whatever', asciiArmor: gpg.exportKey(ed), trustSignature: 'trust', source: 'Acme', sourceUrl: 'https://acme.example.com' },
      shownKey(gpg.exportKey(rsa)),
      shownKey('garbage'),
    ];

    expect(await signersOf({ sums: SUMS, signature: gpg.sign(SUMS, ed), keys })).toEqual([keys[0]]);
    expect(await signersOf({ sums: SUMS, signature: gpg.sign(SUMS, rsa), keys })).toEqual([keys[1]]);
    expect(await signersOf({ sums: SUMS, signature: gpg.sign(SUMS, rsa, { more: ['--local-user', ed] }), keys })).toEqual([keys[0], keys[1]]);
    expect(await signersOf({ sums: SUMS, signature: gpg.sign(SUMS, rsa), keys: [] })).toEqual([]);
  });

  it('finds the key in a block of several', async () => {
    expect(await signersOf({ sums: SUMS, signature: gpg.sign(SUMS, rsa), keys: [shownKey(gpg.exportKey(rsa, ed))] })).toHaveLength(1);
  });

  it('reads a key as clients do: the first block, whatever stands around it', async () => {
    const [armored, other] = [gpg.exportKey(rsa), gpg.exportKey(ed)];
    const signature = gpg.sign(SUMS, rsa);

    for (const [asciiArmor, expected] of [[`Key:\r\n${armored.replaceAll('\n', '\r\n')}`, 1], [`${armored}${other}`, 1], [`${other}${armored}`, 0], [armored.replace(/\n=.{4}\n/, '\n'), 1]] as const) {
      expect(await signersOf({ sums: SUMS, signature, keys: [shownKey(asciiArmor)] })).toHaveLength(expected);
    }
  });

  it('refuses other sums', async () => {
    const signature = gpg.sign(SUMS, rsa);

    expect(await isSigner(rsa, signature, { sums: Buffer.concat([SUMS, Buffer.from('\n')]) })).toBe(false);
    expect(await isSigner(rsa, signature, { sums: Buffer.from(SUMS.toString().replace('a', 'b')) })).toBe(false);
  });

  it('takes a text signature, whose lines may end in any way', async () => {
    const signature = gpg.sign(SUMS, rsa, { more: ['--textmode'] });

    expect(await isSigner(rsa, signature)).toBe(true);
    expect(await isSigner(rsa, signature, { sums: Buffer.from(SUMS.toString().replaceAll('\n', '\r\n')) })).toBe(true);
  });

  it('takes a signature by a subkey', async () => {
    const fingerprint = gpg.generate({ name: 'subkey', algorithm: 'rsa2048', usage: 'cert' });
    gpg.run(['--passphrase', '', '--quick-add-key', fingerprint, 'ed25519', 'sign', 'never']);

    expect(await isSigner(fingerprint, gpg.sign(SUMS, fingerprint))).toBe(true);
  });

  it.each([
    ['dsa2048', [], true],
    ['rsa1024', [], true],
    ['rsa2048', ['--digest-algo', 'SHA1'], true],
    ['rsa2048', ['--digest-algo', 'SHA384'], true],
    ['nistp384', [], true],
    ['rsa2048', ['--digest-algo', 'RIPEMD160'], false],
  ])('judges %s %j as clients do', async (algorithm, more, expected) => {
    const fingerprint = gpg.generate({ name: `odd-${algorithm}-${more.at(-1) ?? ''}`, algorithm });

    expect(await isSigner(fingerprint, gpg.sign(SUMS, fingerprint, { more }))).toBe(expected);
  });

  it('takes a key that has expired since, not one that had when it signed', async () => {
    const fingerprint = gpg.generate({ name: 'expired', algorithm: 'ed25519', time: '2020-01-01T00:00:00Z' });
    const [before, after] = [IN_2020, '2020-09-01T00:00:00Z'].map((time) => gpg.sign(SUMS, fingerprint, { time }));
    gpg.run(['--passphrase', '', '--quick-set-expire', fingerprint, '2020-06-01'], { time: '2020-02-01T00:00:00Z' });

    expect(await isSigner(fingerprint, before ?? SUMS)).toBe(true);
    expect(await isSigner(fingerprint, after ?? SUMS)).toBe(false);
    expect(await isSigner(fingerprint, after ?? SUMS, { takesExpired: true })).toBe(true);
    expect(await isSigner(fingerprint, after ?? SUMS, { takesExpired: true, sums: Buffer.from('others') })).toBe(false);
  });

  it('takes a key that was extended later, exported without its history', async () => {
    const fingerprint = gpg.generate({ name: 'extended', algorithm: 'ed25519', expires: '2020-06-01', time: '2020-01-01T00:00:00Z' });
    const signature = gpg.sign(SUMS, fingerprint, { time: IN_2020 });
    gpg.run(['--passphrase', '', '--quick-set-expire', fingerprint, '2099-01-01'], { time: '2024-01-01T00:00:00Z' });
    const minimal = gpg.run(['--armor', '--export-options', 'export-minimal', '--export', fingerprint]).toString();

    expect(await signersOf({ sums: SUMS, signature, keys: [shownKey(minimal)] })).toHaveLength(1);
  });

  it('refuses a subkey that had expired when it signed', async () => {
    const fingerprint = gpg.generate({ name: 'stale', algorithm: 'ed25519', usage: 'cert', time: '2020-01-01T00:00:00Z' });
    gpg.run(['--passphrase', '', '--quick-add-key', fingerprint, 'ed25519', 'sign', 'never'], { time: '2020-01-01T00:00:00Z' });
    const [before, after] = [IN_2020, '2020-09-01T00:00:00Z'].map((time) => gpg.sign(SUMS, fingerprint, { time }));
    gpg.run(['--passphrase', '', '--quick-set-expire', fingerprint, '2020-06-01', '*'], { time: '2020-02-01T00:00:00Z' });

    expect(await isSigner(fingerprint, before ?? SUMS)).toBe(true);
    expect(await isSigner(fingerprint, after ?? SUMS)).toBe(false);
  });

  it('refuses a key that was revoked, even for what it signed before', async () => {
    const fingerprint = gpg.generate({ name: 'revoked', algorithm: 'ed25519', time: '2020-01-01T00:00:00Z' });
    const signature = gpg.sign(SUMS, fingerprint, { time: IN_2020 });

    expect(await isSigner(fingerprint, signature)).toBe(true);

    gpg.revoke(fingerprint);

    expect(await isSigner(fingerprint, signature)).toBe(false);
  });

  it('refuses a signature that has expired, and one out of the future', async () => {
    const fingerprint = gpg.generate({ name: 'times', algorithm: 'ed25519', time: '2020-01-01T00:00:00Z' });

    expect(await isSigner(fingerprint, gpg.sign(SUMS, fingerprint, { more: ['--default-sig-expire', '2020-04-01'], time: IN_2020 }))).toBe(false);
    expect(await isSigner(fingerprint, gpg.sign(SUMS, fingerprint, { more: ['--default-sig-expire', '2020-04-01'], time: IN_2020 }), { takesExpired: true })).toBe(true);
    expect(await isSigner(fingerprint, gpg.sign(SUMS, fingerprint, { more: ['--default-sig-expire', '2099-04-01'], time: IN_2020 }))).toBe(true);
    expect(await isSigner(fingerprint, gpg.sign(SUMS, fingerprint, { time: '2090-01-01T00:00:00Z' }))).toBe(false);
    expect(await isSigner(fingerprint, gpg.sign(SUMS, fingerprint, { time: new Date(Date.now() + 60_000).toISOString() }))).toBe(true);
  });

  it('refuses every signature of which one bit has changed', async () => {
    const signature = gpg.sign(SUMS, ed);
    const keys = [shownKey(gpg.exportKey(ed))];

    await fc.assert(
      fc.asyncProperty(fc.nat({ max: signature.length * 8 - 1 }), async (bit) => {
        const changed = Buffer.from(signature);
        changed.writeUInt8(changed.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);

        const signers = await signersOf({ sums: SUMS, signature: changed, keys });

        // What names the key a second time, and the two bytes that only save time, are not signed.
        expect(signers.length === 0 || (await isSigner(ed, signature))).toBe(true);
        expect(signers.length === 1 && bit >> 3 >= signature.length - 64).toBe(false);
      }),
      { numRuns: 60 },
    );
  });

  it('does not throw for anything', async () => {
    const keys = [shownKey(gpg.exportKey(ed))];

    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), fc.string(), async (bytes, armor) => {
        expect(await signersOf({ sums: SUMS, signature: Buffer.from(bytes), keys: [...keys, shownKey(armor)] })).toEqual([]);
      }),
    );
  });
});

describe('issuersOf', () => {
  it('names the keys that a signature says it is of', async () => {
    expect(await issuersOf(gpg.sign(SUMS, rsa, { more: ['--local-user', ed] }))).toEqual([rsa, ed].map((fingerprint) => fingerprint.slice(-16)));
    expect(await issuersOf(Buffer.from('x'))).toEqual([]);
  });
});

describe('binarySignature', () => {
  it('gives back a binary one', async () => {
    const signature = gpg.sign(SUMS, rsa);

    expect(await binarySignature(signature)).toEqual(signature);
  });

  it('converts an armored one as GnuPG does', async () => {
    const armored = gpg.sign(SUMS, rsa, { more: ['--armor'] });

    const binary = await binarySignature(armored);

    expect(binary).toEqual(gpg.run(['--dearmor'], { input: armored }));
    expect(await binarySignature(Buffer.from(armored.toString().replaceAll('\n', '\r\n')))).toEqual(binary);
    expect(await isSigner(rsa, binary)).toBe(true);
  });

  it('refuses signatures that are not detached', async () => {
    for (const how of ['--sign', '--clear-sign']) {
      const signature = gpg.run(['--passphrase', '', '--local-user', rsa, how], { input: SUMS });

      await expect(binarySignature(signature)).rejects.toThrow(expect.objectContaining({ code: 'unprocessable', message: expect.stringContaining('gpg --detach-sign') }));
    }
  });

  it('cuts off what clients do not read', async () => {
    const signature = gpg.sign(SUMS, rsa);

    for (const rest of [Buffer.from('\n'), Buffer.from('\r\n--boundary'), gpg.run(['--export', rsa]), Buffer.from([0xc2])]) {
      const bytes = Buffer.concat([signature, rest]);

      expect(await binarySignature(bytes)).toEqual(signature);
      expect(await isSigner(rsa, bytes)).toBe(true);
    }
  });

  it('refuses what is no whole signature', async () => {
    const signature = gpg.sign(SUMS, rsa);
    const key = gpg.run(['--export', rsa]);

    for (const bytes of [signature.subarray(0, -1), Buffer.concat([key, signature]), key, SUMS, Buffer.alloc(0), Buffer.alloc(100_000, 0xc2), Buffer.from(gpg.exportKey(rsa)), Buffer.from(gpg.exportKey(rsa) + gpg.sign(SUMS, rsa, { more: ['--armor'] }).toString())]) {
      await expect(binarySignature(bytes)).rejects.toThrow(expect.objectContaining({ code: 'unprocessable' }));
    }
  });

  it('refuses everything else, and does not fail', async () => {
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.uint8Array(), fc.uint8Array().map((bytes) => Uint8Array.from([0xc2, bytes.length, ...bytes]))), async (bytes) => {
        await expect(binarySignature(Buffer.from(bytes))).rejects.toThrow(expect.objectContaining({ code: 'unprocessable' }));
      }),
    );
  });
});
