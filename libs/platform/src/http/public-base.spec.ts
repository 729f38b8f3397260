import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { type ProbeApp, startProbeApp } from './probe-app.contract.ts';
import { publicBase } from './public-base.ts';
import { clientAddress, parseAddressRange } from './trusted-proxies.ts';

const range = (text: string): NonNullable<ReturnType<typeof parseAddressRange>> => {
  const parsed = parseAddressRange(text);
  if (parsed === null) {
    throw new TypeError(text);
  }
  return parsed;
};
const TRUSTED = [range('127.0.0.0/8'), range('10.0.0.0/8')];

describe('parseAddressRange', () => {
  it.each([
    ['10.0.0.0/8', '10.255.0.1', true],
    ['10.0.0.0/8', '11.0.0.1', false],
    ['10.0.0.0/8', '::ffff:10.1.2.3', true],
    ['192.0.2.7', '192.0.2.7', true],
    ['192.0.2.7', '192.0.2.8', false],
    ['fd00::/8', 'fd12::1', true],
    ['fd00::/8', '10.0.0.1', false],
    ['0.0.0.0/0', '::1', false],
    ['10.0.0.0/8', 'unknown', false],
  ])('%s and %s: %s', (text, address, expected) => {
    expect(range(text).contains(address)).toBe(expected);
  });

  it.each(['', 'x', '10.0.0.0/33', '10.0.0.0/', 'host.example.com'])('%j is none', (text) => {
    expect(parseAddressRange(text)).toBeNull();
  });
});

describe('behind a proxy', () => {
  let probe: ProbeApp;

  beforeAll(async () => {
    probe = await startProbeApp();
  });
  afterAll(async () => probe.close());

  it.each<[string, { publicUrl?: string; trusted?: boolean; headers: Record<string, string> }, string]>([
    ['PUBLIC_URL, whatever the request says', { publicUrl: 'https://packages.example.com/', trusted: true, headers: { host: 'evil.example.com', 'x-forwarded-host': 'evil.example.com' } }, 'https://packages.example.com/alpha'],
    ['the Host header', { headers: { host: 'Proxy.Example.com:8080' } }, 'http://proxy.example.com:8080/alpha'],
    ['an IPv6 host', { headers: { host: '[::1]:8080' } }, 'http://[::1]:8080/alpha'],
    ['forwarded headers of nobody trusted', { headers: { host: 'a.example.com', 'x-forwarded-host': 'b.example.com', 'x-forwarded-proto': 'https' } }, 'http://a.example.com/alpha'],
    ['forwarded headers of a trusted proxy', { trusted: true, headers: { host: 'a.example.com', 'x-forwarded-host': 'b.example.com', 'x-forwarded-proto': 'https' } }, 'https://b.example.com/alpha'],
    ['what the nearest proxy wrote', { trusted: true, headers: { host: 'a.example.com', 'x-forwarded-host': 'evil.example.com, b.example.com', 'x-forwarded-proto': 'http, https' } }, 'https://b.example.com/alpha'],
    ['another scheme', { trusted: true, headers: { host: 'a.example.com', 'x-forwarded-proto': 'javascript' } }, 'http://a.example.com/alpha'],
    ['a Host that is none', { headers: { host: 'a"onload=x' } }, 'invalid'],
    ['a forwarded host that is none', { trusted: true, headers: { host: 'a.example.com', 'x-forwarded-host': 'a/../b' } }, 'invalid'],
  ])('builds URLs by %s', async (_what, { publicUrl = null, trusted = false, headers }, expected) => {
    probe.handle((request, reply) => reply.send(Buffer.from(publicBase(request, { publicUrl, trustedProxies: trusted ? TRUSTED : [] }, '/alpha/'))));

    const { status, body } = await probe.ask({ path: '/probe/x', headers });

    expect(status === 400 ? 'invalid' : body.toString()).toBe(expected);
  });

  it.each([
    ['nobody is trusted', [], '203.0.113.5', '127.0.0.1'],
    ['the near proxy is trusted', TRUSTED, '203.0.113.5', '203.0.113.5'],
    ['the client made up an address', TRUSTED, '198.51.100.1, 203.0.113.5', '203.0.113.5'],
    ['two proxies are trusted', TRUSTED, '198.51.100.1, 203.0.113.5, 10.0.0.2', '203.0.113.5'],
    ['everybody on the way is trusted', TRUSTED, '10.0.0.3, 10.0.0.2', '10.0.0.3'],
    ['something is no address', TRUSTED, 'unknown, "x"', '127.0.0.1'],
  ])('knows the client where %s', async (_what, trustedProxies, forwarded, expected) => {
    probe.handle((request, reply) => reply.send(Buffer.from(clientAddress(request, { trustedProxies }))));

    const { body } = await probe.ask({ path: '/probe/x', headers: { 'x-forwarded-for': forwarded } });

    expect(body.toString()).toBe(expected);
  });
});
