import { ProxyError } from '@oci-package-proxy/errors';
import type { LedgerPort, PackageRef } from '@oci-package-proxy/storage';

import { keysRef } from '../model/address.ts';
import type { SigningKeys, StoredKey, WriteCall } from '../publish/publish-port.ts';
import { readPublicKey } from '../signing/public-key.ts';
import { keyChange, type KeyValue, storedKey } from './stored-key.ts';

const MAX_SOURCE_CHARACTERS = 1024;
const NAMED = /^(?:[0-9A-F]{16}|[0-9A-F]{40})$/;

/** What {@link NamespaceKeys} needs. */
export interface NamespaceKeysOptions {
  readonly ledger: Pick<LedgerPort, 'fold' | 'record' | 'refreshSnapshot'>;
  /** The host in the addresses of what is published here. */
  readonly own: string;
  /** Nothing is logged without one. */
  readonly logger?: { warn(fields: Readonly<Record<string, unknown>>, message: string): void };
}

/** How a key is added. */
type AddCall = WriteCall & { readonly source?: string; readonly sourceUrl?: string };

/** The keys of each namespace, as events of a package of its own: one for each key, the latest counts. */
export class NamespaceKeys implements SigningKeys {
  readonly #options: NamespaceKeysOptions;

  constructor(options: NamespaceKeysOptions) {
    this.#options = options;
  }

  /** `SigningKeys.list`: as of now, so that a key counts at once that was added at another replica. @throws ProxyError `storage-unavailable`, `storage-denied`. */
  async list(namespace: string, { signal }: { readonly signal?: AbortSignal | undefined } = {}): Promise<readonly StoredKey[]> {
    const { values } = await this.#options.ledger.fold(this.#refOf(namespace), { fresh: true, signal });
    const keys = [...values].flatMap(([key, value]) => storedKey(key, value) ?? []);
    return keys.sort((one, other) => (`${one.addedAt} ${one.fingerprint}` < `${other.addedAt} ${other.fingerprint}` ? -1 : 1));
  }

  /** `SigningKeys.add`: another armor of a key that is there (prolonged, or with another subkey) takes its place. */
  async add(namespace: string, armored: string, { by, signal, source, sourceUrl }: AddCall): Promise<{ readonly key: StoredKey; readonly outcome: 'created' | 'same' }> {
    const { fingerprint, keyId, asciiArmor, expires } = await readPublicKey(armored);
    const before = await this.#find(namespace, fingerprint, signal);
    const value: KeyValue = {
      keyId,
      asciiArmor,
      trustSignature: '',
      source: checkedSource(source ?? before?.source ?? ''),
      sourceUrl: checkedUrl(sourceUrl ?? before?.sourceUrl ?? ''),
      expires,
    };
    if (before !== null && before.asciiArmor === asciiArmor && before.source === value.source && before.sourceUrl === value.sourceUrl) {
      return { key: before, outcome: 'same' };
    }
    await this.#record(namespace, fingerprint, value, { by, signal });
    const key = await this.#find(namespace, fingerprint, signal);
    if (key === null) {
      throw new ProxyError('conflict', `The key ${keyId} was removed from ${namespace} by somebody else just now. Add it again.`);
    }
    return { key, outcome: 'created' };
  }

  /** `SigningKeys.remove` */
  async remove(namespace: string, keyId: string, { by, signal }: WriteCall): Promise<StoredKey> {
    const name = keyId.replaceAll(/\s/g, '').replace(/^0x/i, '').toUpperCase();
    const found = NAMED.test(name) ? (await this.list(namespace, { signal })).filter((key) => key.keyId === name || key.fingerprint === name) : [];
    const [key, other] = found;
    if (key === undefined) {
      throw new ProxyError('not-found', `The namespace ${namespace} has no such key. Name one of its keys by its 16 hex digits, or by its fingerprint.`);
    }
    if (other !== undefined) {
      throw new ProxyError('conflict', `The namespace ${namespace} has two keys ${name}. Name one by its fingerprint: ${key.fingerprint}, ${other.fingerprint}.`);
    }
    await this.#record(namespace, key.fingerprint, null, { by, signal });
    return key;
  }

  async #find(namespace: string, fingerprint: string, signal: AbortSignal | undefined): Promise<StoredKey | null> {
    return (await this.list(namespace, { signal })).find((key) => key.fingerprint === fingerprint) ?? null;
  }

  async #record(namespace: string, fingerprint: string, value: KeyValue | null, call: WriteCall): Promise<void> {
    const { ledger, logger } = this.#options;
    const ref = this.#refOf(namespace);
    await ledger.record(ref, [keyChange(fingerprint, value)], call);
    // Nobody else looks after this package, and each start would read every event of it one by one.
    ledger.refreshSnapshot(ref).catch((err: unknown) => logger?.warn({ package: ref.name, err }, 'snapshot of the keys was not written'));
  }

  #refOf(namespace: string): PackageRef {
    return keysRef(this.#options.own, namespace.normalize('NFC').toLowerCase());
  }
}

function checkedSource(source: string): string {
  if (source.length > MAX_SOURCE_CHARACTERS || /\p{C}/u.test(source)) {
    throw new ProxyError('invalid', `The source of a key is a name of at most ${MAX_SOURCE_CHARACTERS} characters on one line.`);
  }
  return source;
}

function checkedUrl(url: string): string {
  if (url !== '' && (url.length > MAX_SOURCE_CHARACTERS || !URL.canParse(url) || !/^https?:/i.test(url))) {
    throw new ProxyError('invalid', 'The source URL of a key is an http:// or https:// URL.');
  }
  return url;
}
