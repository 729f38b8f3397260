import { z } from 'zod';

import { ProxyError } from '@oci-package-proxy/errors';

const MAX_BYTES = 8 * 2 ** 20;

// PEP 740, "Attestation objects"; the statement is https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md
const Attestation = z.object({
  version: z.literal(1),
  verification_material: z.object({ certificate: z.base64(), transparency_entries: z.array(z.unknown()).min(1) }),
  envelope: z.object({ statement: z.base64(), signature: z.base64() }),
});
const Statement = z.object({
  _type: z.literal('https://in-toto.io/Statement/v1'),
  subject: z.array(z.object({ name: z.string(), digest: z.object({ sha256: z.string() }) })).length(1),
  predicateType: z.string(),
});

/**
 * Reads the `attestations` of an upload (PEP 740) and sees that each speaks of this very file. They are not verified against the
 * roots of Sigstore: who trusts them, verifies them when installing, as for a file that comes from anywhere else.
 * @returns what is to be stored, byte for byte; null for none.
 * @throws ProxyError `unprocessable` when they are no attestations, or those of something else; `too-large`.
 */
export function uploadedAttestations(text: string | null, file: { readonly filename: string; readonly sha256: string }): Buffer | null {
  if (text === null) {
    return null;
  }
  const bytes = Buffer.from(text, 'utf8');
  if (bytes.length > MAX_BYTES) {
    throw new ProxyError('too-large', `The attestations of the upload have more than the ${MAX_BYTES} bytes that are allowed.`);
  }
  const value = parsed(text);
  if (!Array.isArray(value)) {
    throw wrong('they are not a JSON array');
  }
  for (const [index, attestation] of value.entries()) {
    checkAttestation(attestation, index + 1, file);
  }
  return value.length === 0 ? null : bytes;
}

function checkAttestation(value: unknown, number: number, file: { readonly filename: string; readonly sha256: string }): void {
  const attestation = Attestation.safeParse(value);
  if (!attestation.success) {
    const [issue] = attestation.error.issues;
    throw wrong(`number ${number} is no attestation of version 1 (${issue?.path.join('.') || 'it'}: ${issue?.message ?? 'wrong'})`);
  }
  const statement = Statement.safeParse(parsed(Buffer.from(attestation.data.envelope.statement, 'base64').toString('utf8')));
  if (!statement.success) {
    throw wrong(`the statement of number ${number} is no in-toto statement of version 1 with one subject`);
  }
  const [subject] = statement.data.subject;
  if (subject?.name !== file.filename || subject.digest.sha256.toLowerCase() !== file.sha256) {
    throw wrong(`number ${number} speaks of another file than ${file.filename} as it was sent`);
  }
}

function wrong(why: string): ProxyError {
  return new ProxyError('unprocessable', `The attestations of the upload cannot be taken: ${why}. Make them again for this file, or upload without them.`);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
