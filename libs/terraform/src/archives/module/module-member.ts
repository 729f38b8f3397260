import { ProxyError } from '@oci-package-proxy/errors';

import { type ArchiveFault, shown } from '../archive-failure.ts';
import { MAX_MEMBER_NAME_BYTES } from '../archive-limits.ts';

/** A member of a module's archive, whatever the archive's format is. */
export interface ModuleMember {
  /** As {@link memberPath} makes it. */
  readonly path: string;
  readonly kind: 'file' | 'directory' | 'link';
  readonly executable: boolean;
  /** Bytes as they are announced. */
  readonly size: number;
  /** Where a link leads; empty for what is none. */
  readonly target: string;
  /** The bytes of a file, piece by piece; once at most, and not after the visit. */
  read(take: (piece: Buffer) => unknown): Promise<void>;
}

/** Is called with one member after another. */
export type MemberVisit = (member: ModuleMember) => Promise<void>;

/** What a module may come to. */
export interface ModuleLimits {
  /** Unpacked bytes. */
  readonly bytes: number;
  /** Files, links and directories. */
  readonly files: number;
}

/** How the members of an archive are read. */
export interface MemberReading {
  /** Begins the sentence of every fault. */
  readonly subject: string;
  readonly limits: ModuleLimits;
  readonly signal?: AbortSignal | undefined;
}

const DROPPED_DIRECTORIES: ReadonlySet<string> = new Set(['.git', '.terraform', '__MACOSX']);

/**
 * The path of a member without `./` before it and slashes behind it; empty for the top itself.
 * @throws ProxyError `unprocessable` for one that leads out of the archive, or that not every system can unpack.
 */
export function memberPath(name: string, fault: ArchiveFault): string {
  if (Buffer.byteLength(name) > MAX_MEMBER_NAME_BYTES) {
    throw fault(`the name of its member ${shown(name)} is longer than the ${MAX_MEMBER_NAME_BYTES} bytes that are allowed`);
  }
  if (/[\p{Cc}\uFFFD]/u.test(name)) {
    throw fault(`the name of its member ${shown(name)} is not plain UTF-8: give the file another name`);
  }
  if (name.startsWith('/') || name.includes('\\') || /^[a-z]:/i.test(name)) {
    throw fault(`its member ${shown(name)} has an absolute path, or a backslash: pack the files by their relative paths`);
  }
  const parts = name.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..')) {
    throw fault(`its member ${shown(name)} leads out of the archive: pack the module from within its own directory`);
  }
  return parts.join('/');
}

/** What no module needs, and tools leave behind: `.git`, `.terraform` (a lock file stays: it is the author's), and what macOS puts beside files. */
export function isDropped(path: string): boolean {
  const parts = path.split('/');
  const last = parts.at(-1) ?? '';
  return last === '.DS_Store' || last.startsWith('._') || parts.some((part) => DROPPED_DIRECTORIES.has(part));
}

/** What is thrown for a module beyond its limits. */
export function moduleTooLarge({ bytes, files }: ModuleLimits): ProxyError {
  return new ProxyError('too-large', `The module unpacks to more than the ${bytes} bytes, or more than the ${files} files, links and directories, that are allowed here. Leave out what is no part of it (.terraform and tests, for example) and upload it again.`);
}
