import { type Platform, platformText } from '../model/provider.ts';

/** A file of a provider version, as its name says. */
export type ProviderFilename =
  | { readonly kind: 'archive'; readonly type: string; readonly version: string; readonly platform: Platform }
  /** Type and version are null for the plain names `SHA256SUMS` and `SHA256SUMS.sig`. */
  | { readonly kind: 'sums' | 'signature' | 'manifest'; readonly type: string | null; readonly version: string | null };

const MAX_CHARACTERS = 512;
const STEM = String.raw`^terraform-provider-([\p{L}\p{M}\p{N}-]+)_([0-9A-Za-z.+-]+)`;
const SIGNATURE = String.raw`SHA256SUMS(?:\.[0-9A-Fa-f]{8,40})?\.(?:sig|asc)`;
const ARCHIVE = new RegExp(String.raw`${STEM}_([a-z0-9]+)_([a-z0-9]+)\.zip$`, 'u');
const NAMED: readonly (readonly ['sums' | 'signature' | 'manifest', RegExp])[] = [
  ['sums', new RegExp(`${STEM}_SHA256SUMS$`, 'u')],
  ['signature', new RegExp(`${STEM}_${SIGNATURE}$`, 'u')],
  ['manifest', new RegExp(`${STEM}_manifest\\.json$`, 'u')],
];
const PLAIN_SIGNATURE = new RegExp(`^${SIGNATURE}$`);

/**
 * What a file of a provider version is: `terraform-provider-<type>_<version>_<os>_<arch>.zip`, `…_SHA256SUMS`,
 * `…_SHA256SUMS.sig` (with the id of the key before `.sig`, where a tool adds it; `.asc` for an armored one), `…_manifest.json`.
 * Whether its version is one is not looked at. Null for any other name.
 */
export function parseProviderFilename(filename: string): ProviderFilename | null {
  if (filename.length > MAX_CHARACTERS) {
    return null;
  }
  if (filename === 'SHA256SUMS') {
    return { kind: 'sums', type: null, version: null };
  }
  if (PLAIN_SIGNATURE.test(filename)) {
    return { kind: 'signature', type: null, version: null };
  }
  const [, type, version, os, arch] = ARCHIVE.exec(filename) ?? [];
  if (type !== undefined && version !== undefined && os !== undefined && arch !== undefined) {
    return { kind: 'archive', type, version, platform: { os, arch } };
  }
  return parseNamed(filename);
}

/** `terraform-provider-demo_1.0.0_linux_amd64.zip` */
export function archiveFilename(type: string, version: string, platform: Platform): string {
  return `${stemOf(type, version)}_${platformText(platform)}.zip`;
}

/** `terraform-provider-demo_1.0.0_SHA256SUMS` */
export function sumsFilename(type: string, version: string): string {
  return `${stemOf(type, version)}_SHA256SUMS`;
}

/** `terraform-provider-demo_1.0.0_SHA256SUMS.sig` */
export function signatureFilename(type: string, version: string): string {
  return `${stemOf(type, version)}_SHA256SUMS.sig`;
}

/** `terraform-provider-demo_1.0.0_manifest.json` */
export function manifestFilename(type: string, version: string): string {
  return `${stemOf(type, version)}_manifest.json`;
}

function stemOf(type: string, version: string): string {
  return `terraform-provider-${type}_${version}`;
}

function parseNamed(filename: string): ProviderFilename | null {
  for (const [kind, form] of NAMED) {
    const [, type, version] = form.exec(filename) ?? [];
    if (type !== undefined && version !== undefined) {
      return { kind, type, version };
    }
  }
  return null;
}
