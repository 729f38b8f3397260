import { createHash } from 'node:crypto';

import { type ZipEntry, zipFile } from '../pypi/zip-file.ts';
import { dirHash } from './dir-hash.ts';
import type { TestKey } from './signing-key.ts';

/** A file of a release; those that are too big for memory have no bytes, but pieces. */
export interface ReleaseFile {
  readonly filename: string;
  readonly size: number;
  /** Lower-case hex. */
  readonly sha256: string;
  /** The content, made anew at every call. */
  pieces(): Iterable<Buffer>;
}

/** A file that is in memory. */
export interface SmallReleaseFile extends ReleaseFile {
  readonly bytes: Buffer;
}

/** The archive of a platform. */
export interface ReleaseArchive extends ReleaseFile {
  /** `linux_amd64` */
  readonly platform: string;
  /** Over the files alone, as lock files have it. */
  readonly h1: string;
  /** Over files and directories. */
  readonly h1OfZip: string;
}

/** What a provider's author puts out. */
export interface ProviderRelease {
  readonly type: string;
  readonly version: string;
  readonly protocols: readonly string[];
  readonly archives: readonly ReleaseArchive[];
  readonly sums: SmallReleaseFile;
  readonly signature: SmallReleaseFile | null;
  readonly manifest: SmallReleaseFile | null;
  readonly key: TestKey | null;
  /** All of them, as they are published: sums, signature, manifest, archives. */
  readonly files: readonly ReleaseFile[];
}

/** What is in a release, and what is wrong with it. */
export interface ProviderReleaseOptions {
  readonly type: string;
  readonly version: string;
  /** `['linux_amd64']` when absent. */
  readonly platforms?: readonly string[];
  /** `['5.0']` when absent. */
  readonly protocols?: readonly string[];
  /** Null: not signed. */
  readonly key: TestKey | null;
  /** The program of a platform; a shell script that names itself when absent, which `init` never runs. */
  readonly program?: (platform: string) => Buffer;
  /** Further entries of every archive. */
  readonly entries?: readonly ZipEntry[];
  /** Archives in place of those that would be made. */
  readonly archives?: readonly ReleaseArchive[];
  /** No manifest file. */
  readonly withoutManifest?: boolean;
  /** Text of SHA256SUMS in place of the right one; it is signed as it then is. */
  readonly sums?: (right: string) => string;
  /** `binary` when absent. */
  readonly signatureForm?: 'binary' | 'armored';
}

/** Makes a release; the same options make the same archives. */
export async function providerRelease(options: ProviderReleaseOptions): Promise<ProviderRelease> {
  const { type, version, key, protocols = ['5.0'], platforms = ['linux_amd64'] } = options;
  const stem = `terraform-provider-${type}_${version}`;
  const archives = options.archives ?? platforms.map((platform) => providerArchive({ ...options, platform }));
  const manifest = options.withoutManifest === true ? null : smallFile(`${stem}_manifest.json`, providerManifest(protocols));
  const summed = [...archives, ...(manifest === null ? [] : [manifest])];
  const right = summed.map(({ filename, sha256 }) => `${sha256}  ${filename}\n`).join('');
  const sums = smallFile(`${stem}_SHA256SUMS`, Buffer.from(options.sums?.(right) ?? right));
  const signature = key === null ? null : smallFile(`${sums.filename}.sig`, await key.sign(sums.bytes, options.signatureForm));
  const files = [sums, ...(signature === null ? [] : [signature]), ...(manifest === null ? [] : [manifest]), ...archives];
  return { type, version, protocols, archives, sums, signature, manifest, key, files };
}

/** A flat archive with the one program of a platform. */
export function providerArchive(options: Pick<ProviderReleaseOptions, 'type' | 'version' | 'program' | 'entries'> & { readonly platform: string; readonly method?: 'stored' | 'deflated' }): ReleaseArchive & SmallReleaseFile {
  const { type, version, platform } = options;
  const program = options.program?.(platform) ?? Buffer.from(`#!/bin/sh\necho ${type} ${version} ${platform}\n`);
  const entries: ZipEntry[] = [{ path: programName(type, version), content: program, mode: 0o100755 }, ...(options.entries ?? [])];
  const hashed = entries.map(({ path, content }) => ({ path, sha256: sha256Hex(content) }));
  return {
    ...smallFile(archiveName(type, version, platform), zipFile(entries, options.method)),
    platform,
    h1: dirHash(hashed.filter(({ path }) => !path.endsWith('/'))),
    h1OfZip: dirHash(hashed),
  };
}

/** `terraform-provider-demo_v1.0.0` */
export function programName(type: string, version: string): string {
  return `terraform-provider-${type}_v${version}`;
}

/** `terraform-provider-demo_1.0.0_linux_amd64.zip` */
export function archiveName(type: string, version: string, platform: string): string {
  return `terraform-provider-${type}_${version}_${platform}.zip`;
}

/** The text of `…_manifest.json`. */
export function providerManifest(protocols: readonly string[]): Buffer {
  return Buffer.from(`${JSON.stringify({ version: 1, metadata: { protocol_versions: protocols } }, null, 2)}\n`);
}

/** A file of bytes in memory. */
export function smallFile(filename: string, bytes: Buffer): SmallReleaseFile {
  return { filename, bytes, size: bytes.length, sha256: sha256Hex(bytes), pieces: () => [bytes] };
}

function sha256Hex(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
