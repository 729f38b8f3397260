import { isUtf8 } from 'node:buffer';

import type { Platform } from '../model/provider.ts';
import { type ArchiveFault, shown } from './archive-failure.ts';
import type { ZipMember } from './zip/zip-member.ts';

const EXECUTABLE_BITS = 0o111;
const HOW_FLAT = 'put the files in without their directories, for example with zip -j';

/** Sees that the members of a provider's archive are laid out as every client needs it. */
export class FlatArchive {
  readonly #type: string;
  readonly #platform: Platform;
  readonly #fault: ArchiveFault;
  readonly #members = new Map<string, ZipMember>();
  readonly #folded = new Map<string, string>();
  readonly #warnings: string[] = [];

  constructor({ type, platform, fault }: { readonly type: string; readonly platform: Platform; readonly fault: ArchiveFault }) {
    this.#type = type;
    this.#platform = platform;
    this.#fault = fault;
  }

  /** Looks at one member. @throws ProxyError `unprocessable`. */
  meet(member: ZipMember): void {
    this.#checkName(member);
    this.#checkKind(member);
    if (this.#members.has(member.name)) {
      throw this.#fault(`it holds ${shown(member.name)} twice, and not everybody would unpack the same one`);
    }
    const folded = member.name.normalize('NFC').toLowerCase();
    const other = this.#folded.get(folded);
    if (other !== undefined) {
      this.#warnings.push(`${shown(other)} and ${shown(member.name)} are one file on Windows and macOS.`);
    }
    this.#folded.set(folded, member.name);
    this.#members.set(member.name, member);
  }

  /** Looks for the program, once all members were met. @returns what was noticed that is no error. @throws ProxyError `unprocessable`. */
  finish(): string[] {
    const prefix = `terraform-provider-${this.#type}`;
    // Clients take the first one by name: OpenTofu's internal/providercache/cached_provider.go.
    const programs = [...this.#members.values()].filter(({ name }) => isProgram(name, prefix)).sort((left, right) => Buffer.compare(left.rawName, right.rawName));
    const [program] = programs;
    if (program === undefined) {
      throw this.#fault(`it holds no program that clients find: one must be called ${prefix}_v<version>, and it holds ${shown([...this.#members.keys()].slice(0, 5).join(', '))}`);
    }
    if (programs.length > 1) {
      this.#warnings.push(`Clients start ${shown(program.name)}, the first by name of ${programs.length} that could be the program.`);
    }
    this.#checkStart(program);
    return this.#warnings;
  }

  #checkName({ name, rawName, type }: ZipMember): void {
    if (!isUtf8(rawName) || /\p{Cc}/u.test(name)) {
      throw this.#fault(`the name of its member ${shown(name)} is not plain UTF-8`);
    }
    if (type === 'directory' && !name.startsWith('/') && !name.includes('..')) {
      throw this.#fault(`it holds an entry for the directory ${shown(name)}, which makes terraform refuse it from mirrors: ${HOW_FLAT}, or leave directory entries out with zip -D`);
    }
    if (/[/\\:]/.test(name) || name === '.' || name === '..') {
      throw this.#fault(`its member ${shown(name)} is not at the top of the archive: ${HOW_FLAT}`);
    }
  }

  #checkKind({ name, type, unreadable }: ZipMember): void {
    if (type !== 'file') {
      throw this.#fault(`its member ${shown(name)} is a link or a special file: put in the file itself`);
    }
    if (unreadable !== null) {
      throw this.#fault(`its member ${shown(name)} ${unreadable}: make the zip with deflate and without a password`);
    }
  }

  #checkStart({ name, mode }: ZipMember): void {
    if (this.#platform.os === 'windows') {
      if (!name.toLowerCase().endsWith('.exe')) {
        this.#warnings.push(`${shown(name)} does not end in .exe, and Windows will not start it.`);
      }
      return;
    }
    if (mode === null) {
      this.#warnings.push(`The zip was made on Windows and does not say that ${shown(name)} may be executed: terraform on Linux and macOS may not be able to start it. Make the zip on Linux or macOS.`);
    } else if ((mode & EXECUTABLE_BITS) === 0) {
      throw this.#fault(`${shown(name)} may not be executed (its mode is ${mode.toString(8).padStart(4, '0')}), so that terraform cannot start it: chmod 755 it and make the zip again`);
    }
  }
}

function isProgram(name: string, prefix: string): boolean {
  return name.startsWith(prefix) && ['', '_', '.'].includes(name.charAt(prefix.length));
}
