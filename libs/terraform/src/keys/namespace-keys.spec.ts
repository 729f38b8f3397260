import { isProxyError } from '@oci-package-proxy/errors';
import { MemoryRegistry } from '@oci-package-proxy/oci';
import { Ledger } from '@oci-package-proxy/storage';
import { signingKey, type TestKey } from '@oci-package-proxy/testing';
import { readKey, readPrivateKey, reformatKey } from 'openpgp';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { keysRef } from '../model/address.ts';
import { NamespaceKeys } from './namespace-keys.ts';

const OWN = 'registry.example.com';
const CALL = { by: 'carol' };

let key: TestKey;
let other: TestKey;
let registry: MemoryRegistry;
let now: number;
let keys: NamespaceKeys;

beforeAll(async () => {
  [key, other] = await Promise.all([signingKey({ kind: 'ed25519-legacy' }), signingKey({ kind: 'rsa', name: 'Other' })]);
});
beforeEach(() => {
  registry = new MemoryRegistry();
  now = Date.UTC(2026, 0, 2, 3, 4, 5);
  keys = replica();
});

function replica(): NamespaceKeys {
  return new NamespaceKeys({ ledger: new Ledger({ registry, clock: () => now }), own: OWN });
}

async function failure(work: Promise<unknown>): Promise<string> {
  const error = await work.then((value) => value, (reason: unknown) => reason);
  return isProxyError(error) ? `${error.code} ${error.message}` : `no proxy error: ${JSON.stringify(error)}`;
}

/** The same key, of which its owner says another time of its end. */
async function prolonged(seconds: number): Promise<string> {
  const privateKey = await readPrivateKey({ armoredKey: key.privateKey });
  const { publicKey } = await reformatKey({ privateKey, userIDs: [{ name: 'Test Publisher', email: 'publisher@example.com' }], keyExpirationTime: seconds, format: 'armored' });
  return publicKey;
}

describe('keys of a namespace', () => {
  it('count at once at every replica', async () => {
    const second = replica();
    expect(await second.list('acme')).toEqual([]);

    const added = await keys.add('acme', key.publicKey, CALL);

    expect(added).toEqual({
      outcome: 'created',
      key: { fingerprint: key.fingerprint, keyId: key.keyId, asciiArmor: expect.stringContaining('BEGIN PGP PUBLIC KEY BLOCK') as string, trustSignature: '', source: '', sourceUrl: '', expires: null, addedAt: '2026-01-02T03:04:05.000Z', addedBy: 'carol' },
    });
    expect(await second.list('acme')).toEqual([added.key]);
    await second.remove('acme', key.keyId, CALL);
    expect(await keys.list('acme')).toEqual([]);
  });

  it('are listed in the order in which they were added, those of a namespace alone', async () => {
    await keys.add('acme', other.publicKey, CALL);
    now += 1000;
    await keys.add('ACME', key.publicKey, CALL);
    await keys.add('else', key.publicKey, CALL);

    expect((await keys.list('Acme')).map(({ keyId }) => keyId)).toEqual([other.keyId, key.keyId]);
  });

  it('are the same when they are added again, in whatever armor', async () => {
    const { key: first } = await keys.add('acme', key.publicKey, { ...CALL, source: 'Acme', sourceUrl: 'https://acme.example.com/keys' });
    now += 1000;

    const again = await keys.add('acme', key.publicKey.replaceAll('\n', '\r\n').replace(/-----\r\n/, '-----\r\nComment: exported again\r\n'), { by: 'dave' });

    expect(again).toEqual({ outcome: 'same', key: first });
    expect(await keys.add('acme', key.publicKey, { ...CALL, source: 'Acme Inc.' })).toMatchObject({ outcome: 'created', key: { source: 'Acme Inc.', sourceUrl: 'https://acme.example.com/keys' } });
    expect(await keys.list('acme')).toHaveLength(1);
  });

  it('are replaced by what their owner says later', async () => {
    await keys.add('acme', await prolonged(400 * 86_400), CALL);
    const [before] = await keys.list('acme');

    const { outcome, key: after } = await keys.add('acme', await prolonged(4000 * 86_400), CALL);

    expect(outcome).toBe('created');
    expect(await keys.list('acme')).toEqual([after]);
    expect(Date.parse(after.expires ?? '')).toBeGreaterThan(Date.parse(before?.expires ?? '') + 3000 * 86_400_000);
    expect((await readKey({ armoredKey: after.asciiArmor })).getFingerprint().toUpperCase()).toBe(key.fingerprint);
  });

  it.each<[string, (id: string, fingerprint: string) => string]>([
    ['their id', (id) => id],
    ['their id in lower case', (id) => `0x${id.toLowerCase()}`],
    ['their fingerprint', (_id, fingerprint) => fingerprint],
    ['their fingerprint as gpg shows it', (_id, fingerprint) => fingerprint.replaceAll(/(.{4})/g, '$1 ')],
  ])('are removed by %s', async (_case, nameOf) => {
    await keys.add('acme', key.publicKey, CALL);
    await keys.add('acme', other.publicKey, CALL);

    expect((await keys.remove('acme', nameOf(key.keyId, key.fingerprint), CALL)).keyId).toBe(key.keyId);
    expect((await keys.list('acme')).map(({ keyId }) => keyId)).toEqual([other.keyId]);
    expect((await keys.add('acme', key.publicKey, CALL)).outcome).toBe('created');
  });

  it.each(['0123456789ABCDEF', 'x', '', 'CAFE'])('are not removed by %j', async (name) => {
    await keys.add('acme', key.publicKey, CALL);

    expect(await failure(keys.remove('acme', name, CALL))).toMatch(/^not-found The namespace acme has no such key/);
  });

  it('take no private key, no text, no strange source', async () => {
    const sources = [{ source: 'a\nb' }, { source: 'x'.repeat(2000) }, { sourceUrl: 'javascript:alert(1)' }, { sourceUrl: 'acme' }];

    expect(await failure(keys.add('acme', key.privateKey, CALL))).toMatch(/^invalid This is a private key/);
    expect(await failure(keys.add('acme', 'a key', CALL))).toMatch(/^invalid /);
    for (const source of sources) {
      expect(await failure(keys.add('acme', key.publicKey, { ...CALL, ...source }))).toMatch(/^invalid The source/);
    }
    expect(await replica().list('acme')).toEqual([]);
  });

  it('are nothing that somebody else put there', async () => {
    const ledger = new Ledger({ registry });
    await ledger.record(keysRef(OWN, 'acme'), [{ key: `key:${key.fingerprint}`, value: 'x' }, { key: 'key:x', value: { keyId: key.keyId } }, { key: 'other', value: 1 }], CALL);

    expect(await keys.list('acme')).toEqual([]);
  });
});
