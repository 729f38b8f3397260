import { digestOf } from '@oci-package-proxy/oci';
import { describe, expect, it } from 'vitest';

import { decodeEvent, encodeEvent } from './event.ts';
import { rawBytes, rawManifest } from './sample-fact.contract.ts';
import { ANNOTATIONS, LEDGER_TYPES } from './vendor.ts';

const TAG = '_e.0000000007.0123456789abcdef';
const EVENT = { key: 'tag:latest', value: { a: [1, null, 'ü'] }, at: '2026-01-01T00:00:00.000Z', by: 'alice' };

function withData(text: string, changes: Readonly<Record<string, unknown>> = {}): ReturnType<typeof rawManifest> {
  const layer = { mediaType: 'application/json', digest: digestOf(text), size: text.length, data: Buffer.from(text).toString('base64') };
  return rawManifest({ artifactType: LEDGER_TYPES.event, annotations: { [ANNOTATIONS.tag]: TAG }, layers: [layer], ...changes });
}

describe('encodeEvent', () => {
  it('writes what decodeEvent reads', () => {
    const { manifest, blob } = encodeEvent(TAG, EVENT);

    expect(decodeEvent(TAG, manifest)).toEqual({ ...EVENT, stamp: { sequence: 7, random: '0123456789abcdef' } });
    expect(blob.size).toBeGreaterThan(0);
  });

  it('gives every tag a digest of its own', () => {
    expect(encodeEvent(TAG, EVENT).manifest.digest).not.toBe(encodeEvent('_e.0000000008.0123456789abcdef', EVENT).manifest.digest);
  });
});

describe('decodeEvent', () => {
  it.each([
    ['no JSON', withData('{')],
    ['no object', withData('[]')],
    ['a missing field', withData('{"key":"a","value":1,"at":"x"}')],
    ['a field of the wrong type', withData('{"key":1,"value":1,"at":"x","by":"y"}')],
    ['a missing value', withData('{"key":"a","at":"x","by":"y"}')],
    ['a value nested too deep', withData(`{"key":"a","value":${'['.repeat(5000)}${']'.repeat(5000)},"at":"x","by":"y"}`)],
    ['no layer', withData('{}', { layers: [] })],
    ['no data', withData('{}', { layers: [{ mediaType: 'a', digest: digestOf('a'), size: 1 }] })],
    ['data of another type', withData('{}', { layers: [{ mediaType: 'a', digest: digestOf('a'), size: 1, data: 5 }] })],
    ['data that is not what its digest says', withData('{}', { layers: [{ mediaType: 'a', digest: digestOf('b'), size: 1, data: Buffer.from(JSON.stringify(EVENT)).toString('base64') }] })],
    ['another artifact type', withData(JSON.stringify(EVENT), { artifactType: 'application/vnd.other' })],
    ['another tag', withData(JSON.stringify(EVENT), { annotations: { [ANNOTATIONS.tag]: '_e.0000000008.0123456789abcdef' } })],
    ['no annotations', withData(JSON.stringify(EVENT), { annotations: undefined })],
  ])('finds none in a manifest with %s', (_what, stored) => {
    expect(decodeEvent(TAG, stored)).toBeNull();
  });

  it('says that bytes are no manifest', () => {
    expect(() => decodeEvent(TAG, rawBytes('no JSON'))).toThrow(expect.objectContaining({ code: 'integrity' }));
  });
});
