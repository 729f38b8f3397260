import { ProxyError } from '@oci-package-proxy/errors';

import type { SigningKey } from '../model/provider.ts';
import { binarySignature, issuersOf, keysNamedIn, signersOf } from '../signing/sums-signature.ts';
import type { SumsSigner } from '../signing/sums-signer.ts';
import { listed } from './listed-names.ts';

/** Who may sign the releases of a namespace. */
export interface ReleaseSigners {
  readonly namespace: string;
  /** The registered keys. */
  readonly keys: readonly SigningKey[];
  /** Signs what comes unsigned; null: nobody does. */
  readonly signer: SumsSigner | null;
}

/** A signature that clients accept, and the keys to check it with. */
export interface SumsSignature {
  /** Binary. */
  readonly signature: Buffer;
  readonly keys: readonly SigningKey[];
}

/** Signs SHA256SUMS here. @throws ProxyError `invalid`, which says how to sign, where nobody may. */
export async function signedHere(sums: Buffer, filename: string, { namespace, signer }: ReleaseSigners): Promise<SumsSignature> {
  if (signer === null) {
    throw new ProxyError('invalid', `${filename}.sig is missing: clients refuse what is not signed. Sign with a key of the namespace ${namespace} (gpg --detach-sign ${filename}) and send that file too.`);
  }
  return { signature: await signer.sign(sums), keys: [plainKey(signer.publicKey())] };
}

/**
 * Sees that a signature is one of this SHA256SUMS, by a key of the namespace.
 * @param signature binary or armored.
 * @throws ProxyError `unprocessable` for what is no signature; `forbidden` for another key, or of other bytes.
 */
export async function checkedSignature(sums: Buffer, signature: Buffer, { namespace, keys, signer }: ReleaseSigners): Promise<SumsSignature> {
  const binary = await binarySignature(signature);
  const known = signer === null ? keys : [...keys, signer.publicKey()];
  if (known.length === 0) {
    throw new ProxyError('forbidden', `No key is registered for the namespace ${namespace}, so the signature of SHA256SUMS cannot be checked. Have its public key registered: ${howToRegister(namespace)}.`);
  }
  const signers = await signersOf({ sums, signature: binary, keys: known });
  if (signers.length === 0) {
    throw await refusal(binary, namespace, known);
  }
  return { signature: binary, keys: signers.map(plainKey) };
}

async function refusal(signature: Buffer, namespace: string, known: readonly SigningKey[]): Promise<ProxyError> {
  const [own] = await keysNamedIn(signature, known);
  if (own !== undefined) {
    return new ProxyError('unprocessable', `The signature by ${own.keyId} is not of this SHA256SUMS: SHA256SUMS was changed after it was signed, or the key had expired by then. Make both again.`);
  }
  const issuers = await issuersOf(signature);
  const registered = listed(known.map(({ keyId }) => keyId));
  return new ProxyError('forbidden', `SHA256SUMS is signed by the key ${listed(issuers)}, and not (or not rightly) by one of the namespace ${namespace}: ${registered}. Sign with one of those, or have the key registered: ${howToRegister(namespace)}.`);
}

function howToRegister(namespace: string): string {
  return `POST the output of gpg --armor --export to /api/v1/terraform/keys/${namespace}`;
}

function plainKey({ keyId, asciiArmor, trustSignature, source, sourceUrl }: SigningKey): SigningKey {
  return { keyId, asciiArmor, trustSignature, source, sourceUrl };
}
