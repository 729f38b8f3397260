import { LayoutReader } from './oci-reading.ts';
import type { OciSource } from './oci-source.ts';
import { parseVersionTag } from './oci-version-tag.ts';
import { checkRepository, Findings, LAYOUT_TYPES, type RawDescriptor, type RawManifest, type Violation } from './oci-violation.ts';

const GO_NAME = /^[a-z0-9]+$/;

/** What was looked at, and what is wrong with it. */
export interface ConformanceReport {
  /** Tags that OpenTofu reads as versions (all of them are checked), each with the platforms that can be installed; none of a module. */
  readonly versions: Readonly<Record<string, readonly string[]>>;
  readonly violations: readonly Violation[];
}

/**
 * Checks the repository of one provider against all that OpenTofu's `oci_mirror` asks of it: OpenTofu's documentation of provider
 * mirrors in OCI registries, and `internal/getproviders/oci_registry_mirror_source.go`.
 */
export async function checkProviderLayout(source: OciSource): Promise<ConformanceReport> {
  const findings = new Findings();
  const reader = new LayoutReader(source, findings);
  const versions: Record<string, readonly string[]> = {};
  for (const tag of versionTags(await checkRepository(source, findings), findings)) {
    versions[tag] = await checkProviderVersion(reader, tag, findings);
  }
  return { versions, violations: findings.all };
}

/** Checks the repository of one module against all that OpenTofu's `oci://` sources ask of it: `internal/getmodules/oci_getter.go`. */
export async function checkModuleLayout(source: OciSource): Promise<ConformanceReport> {
  const findings = new Findings();
  const reader = new LayoutReader(source, findings);
  const versions: Record<string, readonly string[]> = {};
  const tags = (await checkRepository(source, findings)) ?? [];
  for (const tag of tags.filter((one) => parseVersionTag(one) !== null)) {
    versions[tag] = [];
    await checkModuleVersion(reader, tag, findings);
  }
  return { versions, violations: findings.all };
}

/** The tags that OpenTofu reads as versions; those that it would not find again are violations already. */
function versionTags(tags: readonly string[] | null, findings: Findings): readonly string[] {
  const versions: string[] = [];
  for (const tag of tags ?? []) {
    const parsed = parseVersionTag(tag);
    if (parsed !== null) {
      findings.expect(!parsed.tooLarge, 'tag-number', tag, tag);
      findings.expect(parsed.canonical === tag, 'tag-padding', tag, `it would ask for ${parsed.canonical}`);
      versions.push(tag);
    }
  }
  return versions;
}

async function checkProviderVersion(reader: LayoutReader, tag: string, findings: Findings): Promise<readonly string[]> {
  const read = await reader.tag(tag);
  if (read === null || !findings.expect(read.mediaType === LAYOUT_TYPES.index, 'index-kind', tag, read.mediaType)) {
    return [];
  }
  findings.expect(read.body.mediaType === LAYOUT_TYPES.index, 'index-media-type', tag, String(read.body.mediaType));
  findings.expect(read.body.artifactType === LAYOUT_TYPES.provider, 'index-artifact-type', tag, String(read.body.artifactType));
  const targets = (read.body.manifests ?? []).filter(({ artifactType }) => artifactType === LAYOUT_TYPES.target);
  const platforms = new Map<string, number>();
  for (const target of targets) {
    const platform = await checkTarget(reader, target, { tag, findings });
    if (platform !== null) {
      platforms.set(platform, (platforms.get(platform) ?? 0) + 1);
    }
  }
  findings.expect(platforms.size > 0, 'target-none', tag, `${targets.length} descriptors of platforms`);
  for (const [platform, count] of platforms) {
    findings.expect(count === 1, 'target-unique', `${tag} ${platform}`, `${count} descriptors`);
  }
  return [...platforms.keys()];
}

/** @returns the platform that can be installed by this descriptor. */
async function checkTarget(reader: LayoutReader, target: RawDescriptor, { tag, findings }: { readonly tag: string; readonly findings: Findings }): Promise<string | null> {
  const { os, architecture } = target.platform ?? {};
  const platform = typeof os === 'string' && typeof architecture === 'string' && GO_NAME.test(os) && GO_NAME.test(architecture) ? `${os}_${architecture}` : null;
  const where = `${tag} ${platform ?? 'without a platform'}`;
  findings.expect(platform !== null, 'target-platform', where, JSON.stringify(target.platform));
  const reachable = findings.expect(target.platform?.['os.version'] === undefined, 'target-os-version', where, String(target.platform?.['os.version']));
  if (!findings.expect(target.mediaType === LAYOUT_TYPES.manifest, 'target-kind', where, String(target.mediaType))) {
    return null;
  }
  const body = await reader.child(target, where);
  if (body !== null) {
    const names = await checkPackage(reader, body, { where, artifactType: LAYOUT_TYPES.target, findings, platform: target.platform });
    const hasProgram = names === null || names.some((name) => /^terraform-provider-[^/]+$/.test(name));
    findings.expect(hasProgram, 'archive-program', where, names?.slice(0, 5).join(', ') ?? '');
  }
  return reachable ? platform : null;
}

async function checkModuleVersion(reader: LayoutReader, tag: string, findings: Findings): Promise<void> {
  const read = await reader.tag(tag);
  if (read === null || !findings.expect(read.mediaType === LAYOUT_TYPES.manifest, 'module-kind', tag, read.mediaType)) {
    return;
  }
  const names = await checkPackage(reader, read.body, { where: tag, artifactType: LAYOUT_TYPES.module, findings });
  if (names !== null) {
    const outside = names.filter((name) => name.startsWith('/') || name.includes('\\') || name.split('/').includes('..'));
    findings.expect(outside.length === 0, 'archive-path', tag, outside.join(', '));
    const configured = names.some((name) => /^(?:modules\/.+\/)?[^/]+\.(?:tf|tofu)(?:\.json)?$/.test(name));
    findings.expect(configured, 'archive-root', tag, names.slice(0, 5).join(', '));
  }
}

interface Expected {
  readonly where: string;
  readonly artifactType: string;
  readonly findings: Findings;
  readonly platform?: RawDescriptor['platform'];
}

/** What both kinds of manifests must have. @returns the names in the archive. */
async function checkPackage(reader: LayoutReader, body: RawManifest, { where, artifactType, findings, platform }: Expected): Promise<readonly string[] | null> {
  findings.expect(body.mediaType === LAYOUT_TYPES.manifest, 'manifest-media-type', where, String(body.mediaType));
  findings.expect(body.artifactType === artifactType, 'manifest-artifact-type', where, String(body.artifactType));
  findings.expect(typeof body.config === 'object' && body.config !== null, 'manifest-config', where, String(body.config));
  const layers = (body.layers ?? []).filter(({ mediaType }) => mediaType === LAYOUT_TYPES.archive);
  const [layer] = layers;
  if (!findings.expect(layers.length === 1, 'layer-count', where, String(layers.length)) || layer === undefined) {
    return null;
  }
  const fits = layer.platform === undefined || (layer.platform.os === platform?.os && layer.platform.architecture === platform?.architecture);
  findings.expect(fits, 'layer-platform', where, JSON.stringify(layer.platform));
  return reader.archive(layer, where);
}
