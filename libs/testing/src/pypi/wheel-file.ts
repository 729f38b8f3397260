import { createHash } from 'node:crypto';

import { type ZipEntry, zipFile } from './zip-file.ts';

/** A small distribution file that was made in memory. */
export interface PackageFile {
  readonly filename: string;
  readonly bytes: Buffer;
  /** Of `bytes`, lower-case hex. */
  readonly sha256: string;
  /** Core metadata as it stands in the file: METADATA of a wheel, PKG-INFO of a source distribution. */
  readonly metadata: Buffer;
}

/** What is in the core metadata of a file that a test makes. */
export interface MetadataOptions {
  readonly name: string;
  readonly version: string;
  /** Requirements, as PEP 508 writes them. */
  readonly requires?: readonly string[];
  readonly requiresPython?: string;
  /** Further lines, such as `Summary: something`. */
  readonly extraMetadata?: readonly string[];
  readonly metadataVersion?: string;
  /** Stands after the fields. */
  readonly description?: string;
}

/** What is in a wheel that a test makes. */
export interface WheelOptions extends MetadataOptions {
  /** `py3-none-any` when absent; a build tag may stand before it: `1-py3-none-any`. */
  readonly tag?: string;
  /** Further files by path; beside them there is always a module of the project's name. */
  readonly files?: Readonly<Record<string, string | Buffer>>;
  /** Bytes of noise that make the wheel bigger; the same at every call. */
  readonly padding?: number;
  readonly method?: 'stored' | 'deflated';
  /** Stands in the file as METADATA in place of what the options say; null leaves it out. */
  readonly metadata?: Buffer | null;
}

/** A valid pure wheel; the same options make the same bytes: PyPA binary distribution format. */
export function wheelFile(options: WheelOptions): PackageFile {
  const entries = wheelEntries(options);
  const bytes = zipFile(entries, options.method);
  const metadata = entries.find(({ path }) => path.endsWith('.dist-info/METADATA'))?.content ?? Buffer.alloc(0);
  return { filename: wheelFilename(options), bytes, sha256: sha256Hex(bytes), metadata };
}

/** The file name of a wheel: PyPA binary distribution format, "File name convention". */
export function wheelFilename(options: Pick<WheelOptions, 'name' | 'version' | 'tag'>): string {
  return `${escapedName(options.name)}-${options.version}-${options.tag ?? 'py3-none-any'}.whl`;
}

/** The files of a wheel in their order, RECORD last. */
export function wheelEntries(options: WheelOptions): readonly ZipEntry[] {
  const module = escapedName(options.name);
  const directory = `${module}-${options.version}.dist-info`;
  const entries: ZipEntry[] = [{ path: `${module}.py`, content: Buffer.from(`VERSION = '${options.version}'\n`) }];
  for (const [path, content] of Object.entries(options.files ?? {})) {
    entries.push({ path, content: Buffer.from(content) });
  }
  if (options.padding !== undefined) {
    entries.push({ path: `${module}_noise.bin`, content: noise(options.padding, `${options.name} ${options.version}`) });
  }
  if (options.metadata !== null) {
    entries.push({ path: `${directory}/METADATA`, content: options.metadata ?? coreMetadata(options) });
  }
  entries.push({ path: `${directory}/WHEEL`, content: wheelDescription(options.tag) });
  const record = entries.map(({ path, content }) => recordLine(path, createHash('sha256').update(content).digest('base64url'), content.length));
  return [...entries, { path: `${directory}/RECORD`, content: Buffer.from(`${record.join('')}${directory}/RECORD,,\n`) }];
}

/** A line of a wheel's RECORD. @param digest sha256, base64url without padding. */
export function recordLine(path: string, digest: string, bytes: number): string {
  return `${path},sha256=${digest},${bytes}\n`;
}

/** The text of a file's core metadata. */
export function coreMetadata(options: MetadataOptions): Buffer {
  const lines = [
    `Metadata-Version: ${options.metadataVersion ?? '2.1'}`,
    `Name: ${options.name}`,
    `Version: ${options.version}`,
    ...(options.requiresPython === undefined ? [] : [`Requires-Python: ${options.requiresPython}`]),
    ...(options.requires ?? []).map((requirement) => `Requires-Dist: ${requirement}`),
    ...(options.extraMetadata ?? []),
  ];
  return Buffer.from(`${lines.join('\n')}\n${options.description === undefined ? '' : `\n${options.description}\n`}`);
}

/** A project's name as file names have it. */
export function escapedName(name: string): string {
  return name.replace(/[-_.]+/g, '_').toLowerCase();
}

/** Bytes that do not compress, the same for the same seed. */
export function noise(bytes: number, seed: string): Buffer {
  const parts: Buffer[] = [];
  for (let made = 0; made < bytes; made += 64) {
    parts.push(createHash('sha512').update(`${seed} ${made}`).digest());
  }
  return Buffer.concat(parts, bytes);
}

/** sha256 as the index shows it. */
export function sha256Hex(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function wheelDescription(tag = 'py3-none-any'): Buffer {
  const [python, abi, platform] = tag.split('-').slice(-3);
  const build = tag.split('-').length === 4 ? `Build: ${tag.split('-')[0]}\n` : '';
  return Buffer.from(`Wheel-Version: 1.0\nGenerator: oci-package-proxy-testing\nRoot-Is-Purelib: true\n${build}Tag: ${python}-${abi}-${platform}\n`);
}
