import { describe, expect, it } from 'vitest';

import { moduleLocation, moduleVersionsDocument } from './module-documents.ts';

const ADDRESS = { host: 'example.com', namespace: 'Acme', name: 'network', system: 'aws' };
const SHA256 = 'ab'.repeat(32);

describe('moduleVersionsDocument', () => {
  it('has exactly one module, the newest version first', () => {
    expect(moduleVersionsDocument({ versions: ['1.0.0', '1.10.0'] }, ADDRESS)).toEqual({ modules: [{ source: 'Acme/network/aws', versions: [{ version: '1.10.0' }, { version: '1.0.0' }] }] });
  });

  it('has one without versions too', () => {
    expect(moduleVersionsDocument({ versions: [] }, ADDRESS)).toEqual({ modules: [{ source: 'Acme/network/aws', versions: [] }] });
  });
});

describe('moduleLocation', () => {
  it.each([
    [SHA256, null, '../../files/t/m.zip', `../../files/t/m.zip?archive=zip&checksum=sha256:${SHA256}`],
    [null, null, '../../files/t/m.zip', '../../files/t/m.zip?archive=zip'],
    [SHA256, null, 'https://example.com/m.zip?a=b', `https://example.com/m.zip?a=b&archive=zip&checksum=sha256:${SHA256}`],
    [SHA256, 'net/vpc', '../../files/t/m.zip', `../../files/t/m.zip//net/vpc?archive=zip&checksum=sha256:${SHA256}`],
    [null, 'net', 'https://example.com/m.zip?a=b', 'https://example.com/m.zip//net?a=b&archive=zip'],
  ])('of %s in %s at %s', (sha256, subdirectory, url, location) => {
    expect(moduleLocation({ sha256, subdirectory }, url)).toEqual({ header: location, body: { location } });
  });
});
