import { execFileSync, type ExecFileSyncOptions } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { SigningKey } from '../model/provider.ts';

/** A key ring of GnuPG's in a directory of its own: what publishers really use. */
export interface Gpg {
  /** Runs it. @param time in which it believes itself to be, ISO 8601. */
  run(args: readonly string[], options?: { readonly time?: string; readonly input?: Buffer | string }): Buffer;
  /** @returns the fingerprint. @param expires like `1y` or `never`. */
  generate(options: { readonly name: string; readonly algorithm: string; readonly usage?: string; readonly expires?: string; readonly time?: string; readonly passphrase?: string }): string;
  exportKey(...fingerprints: readonly string[]): string;
  /** Of the sums, detached and binary, unless more options say otherwise. */
  sign(sums: Buffer, signer: string, options?: { readonly more?: readonly string[]; readonly time?: string; readonly passphrase?: string }): Buffer;
  revoke(fingerprint: string): void;
  /** Whether it takes a signature for one of a key that it knows. */
  accepts(sums: Buffer, signature: Buffer): boolean;
  close(): void;
}

/** @throws Error when there is no GnuPG: it says how to get it. */
export function createGpg(): Gpg {
  const home = mkdtempSync(join(tmpdir(), 'gpg-'));
  // Guessing the passphrases of tests need not take long.
  writeFileSync(join(home, 'gpg-agent.conf'), 's2k-count 65536\n');
  const run: Gpg['run'] = (args, { time, input } = {}) => {
    const fake = time === undefined ? [] : ['--faked-system-time', `${time.replace(/[:-]|\.\d+/g, '').slice(0, 15)}!`];
    return gpg('gpg', ['--batch', '--yes', '--no-tty', '--quiet', '--pinentry-mode', 'loopback', ...fake, ...args], { input: input ?? '', env: { ...process.env, GNUPGHOME: home } });
  };
  return {
    run,
    generate({ name, algorithm, usage = 'sign', expires = 'never', time, passphrase = '' }) {
      run(['--passphrase', passphrase, '--quick-generate-key', `${name} <${name}@example.com>`, algorithm, usage, expires], time === undefined ? {} : { time });
      const listed = run(['--with-colons', '--list-keys', `${name}@example.com`]).toString();
      return /^fpr:+([0-9A-F]{40}):/m.exec(listed)?.[1] ?? '';
    },
    exportKey: (...fingerprints) => run(['--armor', '--export', ...fingerprints]).toString(),
    sign(sums, signer, { more = [], time, passphrase = '' } = {}) {
      return run(['--passphrase', passphrase, '--local-user', signer, ...more, '--detach-sign'], time === undefined ? { input: sums } : { input: sums, time });
    },
    revoke(fingerprint) {
      // GnuPG makes a certificate for later with every key; the colon is there so that nobody imports it by accident.
      const certificate = readFileSync(join(home, 'openpgp-revocs.d', `${fingerprint}.rev`), 'utf8').replace(':-----BEGIN', '-----BEGIN');
      run(['--import'], { input: certificate });
    },
    accepts(sums, signature) {
      const [sumsFile, signatureFile] = [join(home, 'sums'), join(home, 'sums.sig')];
      writeFileSync(sumsFile, sums);
      writeFileSync(signatureFile, signature);
      try {
        run(['--verify', signatureFile, sumsFile]);
        return true;
      } catch {
        return false;
      }
    },
    close() {
      gpg('gpgconf', ['--kill', 'all'], { env: { ...process.env, GNUPGHOME: home } });
      rmSync(home, { recursive: true, force: true });
    },
  };
}

/** A key as a registry shows it. */
export function shownKey(asciiArmor: string): SigningKey {
  return { keyId: '', asciiArmor, trustSignature: '', source: '', sourceUrl: '' };
}

function gpg(program: string, args: readonly string[], options: ExecFileSyncOptions): Buffer {
  try {
    return Buffer.from(execFileSync(program, args, { ...options, stdio: ['pipe', 'pipe', 'pipe'] }));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
      throw new Error(`${program} is needed for these tests: install GnuPG 2 (apt-get install gnupg, brew install gnupg)`, { cause: error });
    }
    throw error;
  }
}
