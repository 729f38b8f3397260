import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';

import { isProxyError, ProxyError } from '@oci-package-proxy/errors';

import { createSumsSigner, type SumsSigner } from '../signing/sums-signer.ts';
import type { TerraformSection } from './terraform-section.ts';

const WHERE = 'CONFIG_FILE.ecosystems.terraform.signing';

/**
 * Reads the keys that unsigned uploads are signed with, by namespace.
 * @param directory what their files are relative to.
 * @throws ProxyError `config` naming the namespace and the key of CONFIG_FILE whose file cannot be read or used.
 */
export async function loadSigners(signing: TerraformSection['signing'], directory: string): Promise<ReadonlyMap<string, SumsSigner>> {
  const signers = new Map<string, SumsSigner>();
  for (const [namespace, { keyFile, passphraseFile }] of Object.entries(signing)) {
    const where = `${WHERE}.${namespace}`;
    const armoredPrivateKey = await textOf(resolve(directory, keyFile), `${where}.keyFile`);
    const passphrase = passphraseFile === undefined ? null : (await textOf(resolve(directory, passphraseFile), `${where}.passphraseFile`)).replace(/\r?\n$/, '');
    signers.set(namespace.normalize('NFC').toLowerCase(), await signerOf({ armoredPrivateKey, passphrase }, where));
  }
  return signers;
}

async function signerOf(key: Parameters<typeof createSumsSigner>[0], where: string): Promise<SumsSigner> {
  try {
    return await createSumsSigner(key);
  } catch (error) {
    throw isProxyError(error, 'config') ? new ProxyError('config', `${where}: ${error.message}`, { cause: error }) : error;
  }
}

async function textOf(path: string, where: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new ProxyError('config', `${where}: the file cannot be read.`, { cause });
  }
}
