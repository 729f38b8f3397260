import { createAccess, type PassThrough, type Principal } from '@oci-package-proxy/access';
import { MemoryRegistry } from '@oci-package-proxy/oci';
import { Ledger } from '@oci-package-proxy/storage';
import { beforeEach, describe, expect, it } from 'vitest';

import { Gate } from './gate.ts';

const ADMIN: Principal = { kind: 'admin', name: 'admin', tokenId: null };

describe('the list of what somebody may read', () => {
  let asked: string[];
  let atOnce: number;
  let most: number;
  let gate: Gate;
  let alice: Principal;

  beforeEach(async () => {
    asked = [];
    [atOnce, most] = [0, 0];
    // A registry that lets everybody read what has an even number.
    const passThrough: PassThrough = {
      prefix: null,
      placesOf: (_ecosystem, name) => [{ repository: name, holds: async () => Promise.resolve(true) }],
      rights: {
        knows: async () => Promise.resolve(true),
        may: async (_credential, _action, repository) => {
          asked.push(repository);
          atOnce += 1;
          most = Math.max(most, atOnce);
          await new Promise((resolve) => setImmediate(resolve));
          atOnce -= 1;
          return Number(repository.slice('private-'.length)) % 2 === 0 ? 'yes' : 'no';
        },
        close: async () => Promise.resolve(),
      },
    };
    const rules = [{ who: ['*'], may: ['read' as const], ecosystem: '*', packages: ['public-*'] }];
    const { access } = await createAccess({ usersFile: null, adminToken: null, anonymousRead: true, rules, passThrough, ledger: new Ledger({ registry: new MemoryRegistry() }) });
    gate = new Gate({ access, config: { trustedProxies: [] }, ecosystem: 'alpha' });
    alice = await access.authenticate(`Basic ${Buffer.from('alice:secret').toString('base64')}`, { clientAddress: '192.0.2.1' });
  });

  const names = (count: number): string[] => Array.from({ length: count }, (_value, index) => [`private-${index}`, `public-${index}`]).flat();

  it('holds what everybody may, and what the registry says, in its order', async () => {
    expect(await gate.readable(alice, names(3), (name) => name)).toEqual(['private-0', 'public-0', 'public-1', 'private-2', 'public-2']);
    expect(asked.sort()).toEqual(['private-0', 'private-1', 'private-2']);
  });

  it('asks a few questions at a time, and 500 at most: the rest is left out', async () => {
    const readable = await gate.readable(alice, names(2_000), (name) => name);

    expect(readable.filter((name) => name.startsWith('public-'))).toHaveLength(2_000);
    expect(readable.filter((name) => name.startsWith('private-'))).toHaveLength(250);
    expect(asked).toHaveLength(500);
    expect(most).toBe(8);
  });

  it('is whole for who is known here', async () => {
    expect(await gate.readable(ADMIN, names(2_000), (name) => name)).toHaveLength(4_000);
    expect(asked).toEqual([]);
  });

  it('leaves private what the registry decides about', () => {
    expect(gate.isPublic('private-2')).toBe(false);
    expect(gate.isPublic('public-2')).toBe(true);
  });
});
