import { open, writeFile } from 'node:fs/promises';

import { ProxyError } from '@oci-package-proxy/errors';
import { type CommandLine, type CommandSketch, exactly, jsonOf, WrongCall } from '@oci-package-proxy/platform';

import { providerPart } from '../http/path-address.ts';
import { readPublicKey } from '../signing/public-key.ts';
import { generateSigningKey } from '../signing/sums-signer.ts';
import { keyLine } from './admin-texts.ts';
import { keyAnswer, MAX_KEY_BYTES } from './key-answer.ts';
import { quoted } from './manage-call.ts';
import type { Management } from './management.ts';

const EMAIL = /^[^\s<>@\p{C}]+@[^\s<>@\p{C}]+$/u;
const NAME = /^[^<>\p{C}]+$/u;

/** What operators can do to the keys that sign providers from the command line. */
export function keyCommands({ keys }: Pick<Management, 'keys'>): readonly CommandSketch[] {
  return [listCommand(keys), addCommand(keys), removeCommand(keys), generateCommand()];
}

function listCommand(keys: Management['keys']): CommandSketch {
  return {
    name: 'keys',
    usage: '<namespace>',
    summary: 'Lists the keys that may sign the providers of a namespace that are published here.',
    options: {},
    run: async (given, { signal }) => {
      const [namespace] = exactly(given, 'namespace');
      const listed = await keys.list(checkedNamespace(namespace), { signal });
      return { text: listed.length === 0 ? [`${namespace}: no keys`] : listed.map(keyLine), data: listed.map((key) => jsonOf(keyAnswer(key))) };
    },
  };
}

function addCommand(keys: Management['keys']): CommandSketch {
  return {
    name: 'add-key',
    usage: '<namespace> <file> [--source <text>] [--source-url <url>]',
    summary: 'Lets a key sign the providers of a namespace: an armored public key, as `gpg --armor --export` writes it.',
    options: { source: { type: 'string' }, 'source-url': { type: 'string' } },
    run: async (given, { by, signal }) => {
      const [namespace, file] = exactly(given, 'namespace', 'file with the key');
      const { outcome, key } = await keys.add(checkedNamespace(namespace), await readKeyFile(file), { by, signal, ...sourceOf(given) });
      return { text: [`${namespace}: ${outcome === 'created' ? 'added' : 'there before:'} ${keyLine(key)}`], data: jsonOf({ outcome, ...keyAnswer(key) }) };
    },
  };
}

function removeCommand(keys: Management['keys']): CommandSketch {
  return {
    name: 'remove-key',
    usage: '<namespace> (<key id> | <fingerprint>)',
    summary: 'Lets a key sign no more new versions; those that it signed stay.',
    options: {},
    run: async (given, { by, signal }) => {
      const [namespace, name] = exactly(given, 'namespace', 'id of the key');
      const key = await keys.remove(checkedNamespace(namespace), name, { by, signal });
      return { text: [`${namespace}: removed ${keyLine(key)}`], data: jsonOf(keyAnswer(key)) };
    },
  };
}

function generateCommand(): CommandSketch {
  return {
    name: 'generate-key',
    usage: '<file> --name <name> --email <address>',
    summary: 'Makes a key to sign with: writes the private one to a new file that only you can read, and prints the public one.',
    options: { name: { type: 'string' }, email: { type: 'string' } },
    run: async (given, { progress }) => {
      const [file] = exactly(given, 'file');
      const [name = '', email = ''] = [given.text('name')?.trim(), given.text('email')];
      if (!NAME.test(name) || !EMAIL.test(email)) {
        throw new WrongCall('Whom the key belongs to is missing or cannot be in a key: say --name and --email');
      }
      const { privateKey, publicKey } = await generateSigningKey({ name, email });
      await writeNewFile(file, privateKey);
      const { keyId, fingerprint } = await readPublicKey(publicKey);
      progress(`The private key ${keyId} is in ${file}. It has no passphrase: keep it where only the signer reads it.`);
      return { text: publicKey.trimEnd().split(/\r?\n/), data: jsonOf({ file, key_id: keyId, fingerprint, public_key: publicKey }) };
    },
  };
}

function checkedNamespace(text: string): string {
  const namespace = providerPart(text);
  if (namespace === null) {
    throw new WrongCall(`${quoted(text)} is no namespace of providers`);
  }
  return namespace;
}

function sourceOf(given: CommandLine): { readonly source?: string; readonly sourceUrl?: string } {
  const [source, sourceUrl] = [given.text('source'), given.text('source-url')];
  return { ...(source === undefined ? {} : { source }), ...(sourceUrl === undefined ? {} : { sourceUrl }) };
}

/** @throws ProxyError `invalid` for a file that cannot be read; `too-large`. */
async function readKeyFile(path: string): Promise<string> {
  try {
    await using file = await open(path);
    const { bytesRead, buffer } = await file.read({ buffer: Buffer.alloc(MAX_KEY_BYTES + 1) });
    if (bytesRead > MAX_KEY_BYTES) {
      throw new ProxyError('too-large', `${path} has more than the ${MAX_KEY_BYTES} bytes that a key may have.`);
    }
    return buffer.subarray(0, bytesRead).toString('utf8');
  } catch (error) {
    throw error instanceof ProxyError ? error : new ProxyError('invalid', `The file ${path} cannot be read.`, { cause: error });
  }
}

async function writeNewFile(path: string, text: string): Promise<void> {
  try {
    await writeFile(path, text, { mode: 0o600, flag: 'wx' });
  } catch (error) {
    const exists = error instanceof Error && 'code' in error && error.code === 'EEXIST';
    throw new ProxyError('invalid', exists ? `The file ${path} is there already. Name a new one.` : `The file ${path} cannot be written.`, { cause: error });
  }
}
