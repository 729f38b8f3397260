import { bufferBlob, digestOf } from '@oci-package-proxy/oci';

import type { NewFact, PackageRef } from './index.ts';
import { MEDIA_TYPE_PREFIX } from './vendor.ts';

/** A package of an ecosystem that does not exist. */
export const REF: PackageRef = { ecosystem: 'test', name: 'left-pad', repository: 'test/left-pad' };

/** A version of {@link REF} with one file. */
export function newFact(version: string, changes: Partial<NewFact> & { readonly content?: string } = {}): NewFact {
  const { content = `file of ${version}`, ...rest } = changes;
  const source = bufferBlob(Buffer.from(content));
  return {
    tag: version,
    version,
    artifactType: `${MEDIA_TYPE_PREFIX}test.v1`,
    document: JSON.stringify({ version, content: digestOf(content) }),
    documentMediaType: `${MEDIA_TYPE_PREFIX}test.v1+json`,
    layers: [{ mediaType: 'application/octet-stream', source }],
    payload: digestOf(content),
    at: '2026-01-02T03:04:05.000Z',
    ...rest,
  };
}
