import fc from 'fast-check';
import { expect, it } from 'vitest';

import { moduleRef } from '../model/address.ts';
import { archiveName, checkModuleName, isModuleName, moduleAddressOf } from './module-name.ts';

const ADDRESS = { host: 'tf.example.com', namespace: 'Acme_Corp', name: 'net--work', system: 'aws' };
const PART = fc.stringMatching(/^[0-9A-Za-z](?:[0-9A-Za-z_-]{0,62}[0-9A-Za-z])?$/);

it.each([
  [{}, true],
  [{ namespace: 'a' }, true],
  [{ name: 'a'.repeat(64) }, true],
  [{ name: 'a'.repeat(65) }, false],
  [{ namespace: '-a' }, false],
  [{ namespace: 'a_' }, false],
  [{ namespace: '' }, false],
  [{ name: 'a.b' }, false],
  [{ name: 'a/b' }, false],
  [{ name: 'ä' }, false],
  [{ name: 'a\n' }, false],
  [{ system: 'AWS' }, false],
  [{ system: 'a-b' }, false],
  [{ system: '2a' }, true],
  [{ system: '' }, false],
])('tells names from what is none: %j', (change, expected) => {
  const address = { ...ADDRESS, ...change };

  expect(isModuleName(address)).toBe(expected);
  if (expected) {
    expect(() => checkModuleName(address)).not.toThrow();
  } else {
    expect(() => checkModuleName(address)).toThrow(expect.objectContaining({ code: 'invalid', message: expect.stringContaining('use at most 64') as string }));
  }
});

it('finds the address in the name of a package', () => {
  fc.assert(
    fc.property(PART, PART, fc.stringMatching(/^[0-9a-z]{1,64}$/), fc.constantFrom('tf.example.com', 'localhost:8443'), (namespace, name, system, host) => {
      const address = { host, namespace, name, system };

      expect(moduleAddressOf(moduleRef(address).name)).toEqual(address);
    }),
  );
});

it.each(['providers/tf.example.com/acme/net', 'modules/tf.example.com/acme/net', 'modules/tf.example.com/acme/net/aws/1', 'modules//acme/net/aws', 'modules/tf.example.com/acme/../aws', ''])('finds none in %j', (name) => {
  expect(moduleAddressOf(name)).toBeNull();
});

it('names an archive so that clients unpack it', () => {
  expect(archiveName(ADDRESS, '1.0.0-rc.1+a')).toBe('Acme_Corp-net--work-aws-1.0.0-rc.1+a.zip');
});
