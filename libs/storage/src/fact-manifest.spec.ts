import { digestOf, INDEX_MEDIA_TYPE, parseManifest } from '@oci-package-proxy/oci';
import { describe, expect, it } from 'vitest';

import { decodeFact } from './fact-decoding.ts';
import { encodeFact } from './fact-manifest.ts';
import { newFact, rawManifest, REF } from './sample-fact.contract.ts';
import { ANNOTATIONS, LEDGER_TYPES } from './vendor.ts';

const STAMP = { sequence: 3, random: '0123456789abcdef' };

function changed(change: (manifest: { annotations: Record<string, string>; layers: unknown[] } & Record<string, unknown>) => void): ReturnType<typeof rawManifest> {
  const stored = encodeFact(REF, newFact('1.0.0', { assign: { a: 1 } }), { origin: 'published', stamp: STAMP, by: 'alice' });
  const manifest = structuredClone(parseManifest(stored)) as never;
  change(manifest);
  return rawManifest(manifest);
}

describe('encodeFact', () => {
  it('writes what decodeFact reads', () => {
    const fact = newFact('1.0.0', { assign: { 'tag:latest': '1.0.0' }, annotations: { 'org.example': 'x' } });

    const stored = encodeFact(REF, fact, { origin: 'published', stamp: STAMP, by: 'alice' });

    const pending = decodeFact(REF, '1.0.0', stored);
    expect(pending).toMatchObject({
      fact: { tag: '1.0.0', version: '1.0.0', digest: stored.digest, payload: fact.payload, at: fact.at, origin: 'published', assign: fact.assign, stamp: STAMP },
    });
    expect(pending?.fact.annotations).toMatchObject({ 'org.example': 'x', [ANNOTATIONS.by]: 'alice' });
    expect(pending?.content).toEqual({
      artifactType: fact.artifactType,
      document: fact.document,
      layers: [{ mediaType: 'application/octet-stream', digest: fact.payload, size: 13 }],
    });
  });

  it('has bytes that depend on the fact alone where nothing is assigned', () => {
    const one = encodeFact(REF, newFact('1.0.0'), { origin: 'upstream', stamp: null });
    const two = encodeFact(REF, newFact('1.0.0'), { origin: 'upstream', stamp: null });

    expect(one.digest).toBe(two.digest);
  });

  it('never lets an annotation of the ecosystem stand for one of the ledger', () => {
    const stored = encodeFact(REF, newFact('1.0.0', { annotations: { [ANNOTATIONS.origin]: 'upstream', [ANNOTATIONS.tag]: '2.0.0' } }), { origin: 'published', stamp: null });

    expect(decodeFact(REF, '1.0.0', stored)?.fact.origin).toBe('published');
  });

  it('leaves a large document out of the manifest', () => {
    const document = JSON.stringify('x'.repeat(33 * 1024));

    const pending = decodeFact(REF, '1.0.0', encodeFact(REF, newFact('1.0.0', { document }), { origin: 'published', stamp: null }));

    expect(pending?.content).toMatchObject({ document: { digest: digestOf(document), size: document.length } });
  });
});

describe('decodeFact', () => {
  it.each([
    ['a document of somebody else', changed((manifest) => { Object.assign(manifest.layers[0] as object, { mediaType: 'application/json' }); })],
    ['no artifact type', changed((manifest) => { delete manifest['artifactType']; })],
    ['an artifact type that is no text', changed((manifest) => { manifest['artifactType'] = 5; })],
    ['the artifact type of an event', changed((manifest) => { manifest['artifactType'] = LEDGER_TYPES.event; })],
    ['no annotations', changed((manifest) => { delete (manifest as Record<string, unknown>)['annotations']; })],
    ['the tag of another version', changed(({ annotations }) => { annotations[ANNOTATIONS.tag] = '2.0.0'; })],
    ['the name of another package', changed(({ annotations }) => { annotations[ANNOTATIONS.package] = 'right-pad'; })],
    ['another ecosystem', changed(({ annotations }) => { annotations[ANNOTATIONS.ecosystem] = 'other'; })],
    ['an unknown origin', changed(({ annotations }) => { annotations[ANNOTATIONS.origin] = 'toString'; })],
    ['no layers', changed((manifest) => { manifest.layers.length = 0; })],
    ['a layer of negative size', changed((manifest) => { manifest.layers.push({ mediaType: 'a', digest: digestOf('a'), size: -1 }); })],
    ['an index', rawManifest({ mediaType: INDEX_MEDIA_TYPE, manifests: [] }, INDEX_MEDIA_TYPE)],
  ])('finds none in a manifest with %s', (_what, stored) => {
    expect(decodeFact(REF, '1.0.0', stored)).toBeNull();
  });

  it.each([
    ['no JSON', (annotations: Record<string, string>) => { annotations[ANNOTATIONS.assign] = '{'; }],
    ['no object', (annotations: Record<string, string>) => { annotations[ANNOTATIONS.assign] = '[1]'; }],
    ['too much depth', (annotations: Record<string, string>) => { annotations[ANNOTATIONS.assign] = `{"a":${'['.repeat(9000)}${']'.repeat(9000)}}`; }],
    ['no sequence', (annotations: Record<string, string>) => { delete annotations[ANNOTATIONS.sequence]; }],
    ['a sequence past the last', (annotations: Record<string, string>) => { annotations[ANNOTATIONS.sequence] = String(Number.MAX_SAFE_INTEGER); }],
    ['a random part of another form', (annotations: Record<string, string>) => { annotations[ANNOTATIONS.random] = '~'; }],
  ])('assigns nothing from an assignment with %s', (_what, change) => {
    const pending = decodeFact(REF, '1.0.0', changed(({ annotations }) => change(annotations)));

    expect(pending?.fact).toMatchObject({ assign: {}, stamp: null, version: '1.0.0' });
  });

  it('keeps a version whose time, number or payload is missing', () => {
    const stored = changed(({ annotations }) => {
      annotations[ANNOTATIONS.created] = 'yesterday';
      delete annotations[ANNOTATIONS.version];
      delete annotations[ANNOTATIONS.payload];
    });

    expect(decodeFact(REF, '1.0.0', stored)?.fact).toMatchObject({ at: '', version: '1.0.0', payload: '' });
  });

  it.each([{ data: 5 }, { data: Buffer.from('other').toString('base64') }])('reads the blob where the document inside is not what its digest says: %j', (change) => {
    const stored = changed((manifest) => { Object.assign(manifest.layers[0] as object, change); });

    expect(decodeFact(REF, '1.0.0', stored)?.content).toHaveProperty('document.digest', expect.stringMatching(/^sha256:/));
  });

  it('drops annotations of a layer that are no texts', () => {
    const stored = changed((manifest) => { Object.assign(manifest.layers[1] as object, { annotations: { a: {} }, data: 7 }); });

    expect(decodeFact(REF, '1.0.0', stored)?.content).toHaveProperty('layers', [{ mediaType: 'application/octet-stream', digest: newFact('1.0.0').payload, size: 13 }]);
  });
});
