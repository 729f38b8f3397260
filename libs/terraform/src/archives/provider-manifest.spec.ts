import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { isProxyError } from '@oci-package-proxy/errors';

import { MAX_PROVIDER_MANIFEST_BYTES } from './archive-limits.ts';
import { protocolsIn } from './provider-manifest.ts';

function manifest(protocols: unknown): Buffer {
  return Buffer.from(JSON.stringify({ version: 1, metadata: { protocol_versions: protocols } }));
}

function failure(bytes: Buffer): string {
  try {
    return protocolsIn(bytes).join(' ');
  } catch (error) {
    return isProxyError(error) ? `${error.code} ${error.message}` : `no proxy error: ${String(error)}`;
  }
}

describe('protocolsIn', () => {
  it.each([
    [['5.0'], ['5.0']],
    [['6.0'], ['6.0']],
    [['4.0', '5.1', '6.0', '5.1'], ['4.0', '5.1', '6.0']],
    [['6'], ['6']],
  ])('reads %j', (protocols, expected) => {
    expect(protocolsIn(manifest(protocols))).toEqual(expected);
  });

  it('passes over what it does not know', () => {
    expect(protocolsIn(Buffer.from('{"version":1,"more":{},"metadata":{"protocol_versions":["6.0"],"name":"x"}}'))).toEqual(['6.0']);
  });

  it.each<[string, Buffer, RegExp]>([
    ['nothing', Buffer.alloc(0), /it is not JSON/],
    ['no JSON', Buffer.from('{'), /it is not JSON/],
    ['null', Buffer.from('null'), /cannot be taken/],
    ['another version', Buffer.from('{"version":2,"metadata":{"protocol_versions":["5.0"]}}'), /version must be 1/],
    ['no metadata', Buffer.from('{"version":1}'), /metadata is missing/],
    ['no protocols', Buffer.from('{"version":1,"metadata":{}}'), /protocol_versions must be a list/],
    ['an empty list', manifest([]), /protocol_versions is empty/],
    ['numbers', manifest([5]), /must hold texts/],
    ['other texts', manifest(['five']), /must hold texts like "5.0"/],
    ['zeros in front', manifest(['05.0']), /must hold texts like "5.0"/],
    ['only protocol 4', manifest(['4.0']), /terraform and tofu take protocols 5 and 6, and it names only 4\.0/],
    ['only protocol 50', manifest(['50.0']), /names only 50\.0/],
    ['too many', manifest(Array.from({ length: 33 }, (_, index) => `5.${index}`)), /more than 32/],
    ['too many bytes', Buffer.alloc(MAX_PROVIDER_MANIFEST_BYTES + 1, ' '), /are allowed/],
  ])('refuses %s, and says how it must be', (_case, bytes, expected) => {
    expect(failure(bytes)).toMatch(/^unprocessable The provider's manifest cannot be taken/);
    expect(failure(bytes)).toMatch(expected);
    expect(failure(bytes)).toContain('{"version":1,"metadata":{"protocol_versions":["6.0"]}}');
  });

  it('throws nothing else for any JSON', () => {
    fc.assert(fc.property(fc.jsonValue(), (value) => !failure(Buffer.from(JSON.stringify(value))).startsWith('no proxy error')));
  });
});
