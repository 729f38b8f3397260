import { type Config, config, enums } from 'openpgp';

/**
 * What Terraform and OpenTofu refuse of keys and signatures; the library's own rules are stricter in some points (DSA, SHA-1). Clients
 * take the curves too that are refused here, which the library cannot do without a package that it does not bring along.
 */
export const CLIENT_RULES: Config = {
  ...config,
  rejectHashAlgorithms: new Set([enums.hash.md5, enums.hash.ripemd]),
  rejectMessageHashAlgorithms: new Set([enums.hash.md5, enums.hash.ripemd]),
  rejectPublicKeyAlgorithms: new Set([enums.publicKey.elgamal]),
  rejectCurves: new Set([enums.curve.secp256k1, enums.curve.brainpoolP256r1, enums.curve.brainpoolP384r1, enums.curve.brainpoolP512r1]),
  minRSABits: 1024,
};

/** Public-key algorithms that Terraform 1.11 reads, in subkeys too: one that it does not know makes it refuse the whole key. RFC 9580, 9.1. */
export const KNOWN_ALGORITHMS: ReadonlySet<number> = new Set([1, 2, 3, 16, 17, 18, 19, 22]);
/** The largest public exponent of RSA that clients read. */
export const MAX_EXPONENT_BITS = 24;

/** Bits of the RSA and DSA keys that may sign what is published here. */
export const KEY_BITS = { least: 2048, most: 8192 } as const;

/** Keys with many signatures of others have some 100 KiB. A longer text is not even read. */
export const MAX_KEY_CHARACTERS = 512 * 1024;
