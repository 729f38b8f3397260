import { describe, expect, it } from 'vitest';

import { tokenRealm } from './realm.ts';

describe('tokenRealm', () => {
  it.each([
    ['https elsewhere', 'https://auth.example.com/token?a=b', 'https://registry.example.com', true],
    ['https on the same host', 'https://registry.example.com/service/token', 'https://registry.example.com', true],
    ['http on the host of an http registry', 'http://127.0.0.1:5001/token', 'http://127.0.0.1:5000', true],
    ['http on the host of an https registry', 'http://registry.example.com/token', 'https://registry.example.com', false],
    ['http elsewhere', 'http://auth.example.com/token', 'http://registry.example.com', false],
    ['a private address', 'https://10.0.0.1/token', 'https://registry.example.com', false],
    ['the metadata address', 'https://169.254.169.254/token', 'https://registry.example.com', false],
    ['a loopback IPv6 address', 'https://[::1]/token', 'https://registry.example.com', false],
    ['a mapped private address', 'https://[::ffff:10.0.0.1]/token', 'https://registry.example.com', false],
    ['the private address of the registry itself', 'https://10.0.0.1/token', 'https://10.0.0.1:5000', true],
    ['user info', 'https://a:b@auth.example.com/token', 'https://registry.example.com', false],
    ['another scheme', 'file:///etc/passwd', 'https://registry.example.com', false],
    ['no URL', 'token', 'https://registry.example.com', false],
  ])('%s', (_name, realm, registry, allowed) => {
    expect(tokenRealm(realm, new URL(registry)) !== null).toBe(allowed);
  });
});
