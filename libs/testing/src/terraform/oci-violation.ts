import type { OciSource } from './oci-source.ts';

/** A rule of OpenTofu's layout that something breaks. */
export interface Violation {
  /** Its short name; all of them are in {@link CONFORMANCE_RULES}. */
  readonly rule: ConformanceRule;
  /** Tag, or tag and platform. */
  readonly where: string;
  readonly text: string;
}

/** The rules, with what OpenTofu does to whoever breaks them. */
export const CONFORMANCE_RULES = {
  'repository-name': 'the reference is refused before anything is asked',
  ping: 'OpenTofu up to 1.12 gives up unless GET /v2/ is answered with 200',
  'tag-grammar': 'the reference is refused',
  'tag-padding': 'a tag such as 1.2 or 20240101 is read as a version, chosen, and asked for as another tag',
  'tag-number': 'a number of more than 64 bits ends the program',
  missing: 'not found',
  'head-media-type': 'HEAD must say the Content-Type',
  'head-size': 'HEAD must say the Content-Length, which is that of the bytes',
  'head-digest': 'HEAD must say the Docker-Content-Digest, which is that of the bytes',
  'get-media-type': 'GET must say the Content-Type that HEAD said',
  'manifest-json': 'invalid manifest content',
  'manifest-limit': 'manifests of more than 4 MiB are refused',
  'index-kind': 'a provider version must be an OCI image index',
  'index-media-type': 'the body of the index must repeat its media type',
  'index-artifact-type': 'the body of the index must have the artifact type of a provider',
  'target-none': 'no platform can be installed',
  'target-kind': 'the descriptor of a platform must be one of an OCI image manifest',
  'target-platform': 'the descriptor of a platform must have os and architecture, in the words of Go',
  'target-os-version': 'a descriptor with os.version is passed over',
  'target-unique': 'two descriptors of one platform are ambiguous',
  'descriptor-digest': 'a descriptor must have a sha256 digest and the size of what it names',
  'manifest-media-type': 'the body of a manifest must repeat its media type',
  'manifest-artifact-type': 'the body of a manifest must have the artifact type of a platform, or of a module',
  'manifest-config': 'registries refuse a manifest without a config',
  'layer-count': 'there must be exactly one layer of type archive/zip',
  'layer-platform': 'a layer with a platform must have that of its manifest',
  'layer-bytes': 'the blob is not what its descriptor says',
  'archive-format': 'the archive cannot be read',
  'archive-program': 'the archive of a provider must have its program at its root',
  'archive-path': 'a path in the archive of a module leads out of it',
  'archive-root': 'the root of the archive must be the root of the module, without a directory around it',
  'module-kind': 'a module version must be an OCI image manifest; an index is refused',
} as const;

/** Name of a rule. */
export type ConformanceRule = keyof typeof CONFORMANCE_RULES;

/** A descriptor as it stands in a body that nobody has checked yet. */
export interface RawDescriptor {
  readonly mediaType?: unknown;
  readonly digest?: unknown;
  readonly size?: unknown;
  readonly artifactType?: unknown;
  readonly platform?: { readonly os?: unknown; readonly architecture?: unknown; readonly 'os.version'?: unknown };
}

/** A body that nobody has checked yet. */
export interface RawManifest {
  readonly mediaType?: unknown;
  readonly artifactType?: unknown;
  readonly config?: unknown;
  readonly manifests?: readonly RawDescriptor[];
  readonly layers?: readonly RawDescriptor[];
}

/** Types that the layout is made of. */
export const LAYOUT_TYPES = {
  index: 'application/vnd.oci.image.index.v1+json',
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  provider: 'application/vnd.opentofu.provider',
  target: 'application/vnd.opentofu.provider-target',
  module: 'application/vnd.opentofu.modulepkg',
  archive: 'archive/zip',
} as const;

/** Collects what a check finds. */
export class Findings {
  readonly all: Violation[] = [];

  /** Notes a violation unless `holds`. @returns `holds`. */
  expect(holds: boolean, rule: ConformanceRule, where: string, found: string): boolean {
    if (!holds) {
      this.all.push({ rule, where, text: `${CONFORMANCE_RULES[rule]}: ${found}` });
    }
    return holds;
  }
}

/** What both kinds of repositories must have. @returns the tags; null where the repository is not there. */
export async function checkRepository(source: OciSource, findings: Findings): Promise<readonly string[] | null> {
  // oras-go, registry/reference.go
  const name = /^[a-z0-9]+(?:(?:[._]|__|-*)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:[._]|__|-*)[a-z0-9]+)*)*$/;
  findings.expect(name.test(source.repository), 'repository-name', source.repository, source.repository);
  const status = await source.ping();
  findings.expect(status === null || status === 200, 'ping', '/v2/', String(status));
  const tags = await source.tags();
  findings.expect(tags !== null, 'missing', source.repository, 'the repository');
  for (const tag of tags ?? []) {
    findings.expect(/^\w[\w.-]{0,127}$/.test(tag), 'tag-grammar', tag, tag);
  }
  return tags;
}
