import { readFile } from 'node:fs/promises';

import { z } from 'zod';

import { ProxyError } from '@oci-package-proxy/errors';

import type { PublishRequest } from './publish-request.ts';

// https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md in a DSSE envelope in a Sigstore bundle.
const Bundle = z.object({ dsseEnvelope: z.object({ payload: z.base64() }) });
const Statement = z.object({
  predicateType: z.string(),
  subject: z.array(z.object({ name: z.string(), digest: z.object({ sha512: z.string() }) })).length(1),
});

/** What is checked of a provenance bundle. */
export interface Provenance {
  /** Says what kind of statement it is: a URI. */
  readonly predicateType: string;
}

/**
 * Reads the provenance bundle of a publish and sees that it speaks of this very tarball. Its signature is for clients to check.
 * @throws ProxyError `unprocessable` when it is no bundle, or that of something else.
 */
export async function readProvenance(name: string, { bundle, version, tarball }: PublishRequest): Promise<Provenance | null> {
  if (bundle === null) {
    return null;
  }
  const text = await readFile(bundle.path, 'utf8');
  if (bundle.length !== null && bundle.length !== text.length && bundle.length !== bundle.size) {
    throw new ProxyError('unprocessable', `The provenance bundle's length is ${text.length}, and the body declares ${bundle.length}. Publish again.`);
  }
  const envelope = Bundle.safeParse(parsed(text));
  const statement = envelope.success ? Statement.safeParse(parsed(Buffer.from(envelope.data.dsseEnvelope.payload, 'base64').toString('utf8'))) : null;
  if (statement?.success !== true) {
    throw new ProxyError('unprocessable', 'The .sigstore attachment is no provenance bundle of one subject with a sha512.');
  }
  const [subject] = statement.data.subject;
  if (subject === undefined || purlText(subject.name) !== `pkg:npm/${name}@${version}` || subject.digest.sha512.toLowerCase() !== tarball.sha512) {
    throw new ProxyError('unprocessable', `The provenance bundle speaks of another package, version or tarball than ${name}@${version} as it was sent.`);
  }
  return { predicateType: statement.data.predicateType };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function purlText(purl: string): string {
  try {
    return decodeURIComponent(purl);
  } catch {
    return purl;
  }
}
