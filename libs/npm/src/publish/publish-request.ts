import { ProxyError } from '@oci-package-proxy/errors';

import { checkDeclarations } from './declarations.ts';
import type { Attachment, PublishBody } from './publish-body.ts';
import type { VersionManifest } from './publish-document.ts';
import { checkDistTag, cleanVersion, quoted } from './version-name.ts';

const MAX_TAGS = 16;

/** A publish whose parts agree with each other. */
export interface PublishRequest {
  readonly version: string;
  /** As the client sent it. */
  readonly manifest: VersionManifest;
  /** Dist-tags that are to point at the version. */
  readonly tags: readonly string[];
  readonly tarball: Attachment;
  /** A Sigstore bundle, or null. */
  readonly bundle: Attachment | null;
  /** Empty where there is none. */
  readonly readme: string;
}

/**
 * Reads a publish of one version of `name` out of its body: https://docs.npmjs.com/cli/v11/commands/npm-publish as libnpmpublish sends it.
 * @throws ProxyError `invalid` for what is malformed, `unprocessable` for what contradicts itself.
 */
export function publishRequest(name: string, { document, attachments }: PublishBody): PublishRequest {
  checkName(name, document.name, 'body');
  if (document._id !== undefined) {
    checkName(name, document._id, 'body as _id');
  }
  const [version, manifest] = onlyVersion(name, document.versions ?? {});
  const tags = tagsOf(document['dist-tags'] ?? {}, version);
  const tarball = onlyTarball(attachments, version);
  const bundles = attachments.filter(isBundle);
  if (bundles.length > 1) {
    throw new ProxyError('invalid', 'A publish carries at most one .sigstore bundle.');
  }
  checkDeclarations(tarball, manifest.dist ?? {});
  return { version, manifest, tags, tarball, bundle: bundles[0] ?? null, readme: readmeOf(manifest, document) };
}

function checkName(name: string, given: string | undefined, where: string): void {
  if (given !== name) {
    throw new ProxyError('unprocessable', `The URL names the package ${quoted(name)}, and the ${where} ${given === undefined ? 'names none' : quoted(given)}.`);
  }
}

function onlyVersion(name: string, versions: Readonly<Record<string, VersionManifest>>): [string, VersionManifest] {
  const entries = Object.entries(versions);
  const [entry] = entries;
  if (entry === undefined || entries.length > 1) {
    throw new ProxyError('invalid', `A publish carries exactly one version; this one has ${entries.length}.`);
  }
  const [key, manifest] = entry;
  const version = cleanVersion(key);
  if (version === null) {
    throw new ProxyError('invalid', `${quoted(key)} is no version: it must be semver, such as 1.2.3, of at most 256 characters.`);
  }
  checkName(name, manifest.name, 'manifest of the version');
  if (manifest.version === undefined || cleanVersion(manifest.version) !== version) {
    throw new ProxyError('unprocessable', `The body has a version ${quoted(key)} whose manifest says ${quoted(manifest.version ?? '')}.`);
  }
  return [version, manifest];
}

function tagsOf(tags: Readonly<Record<string, string>>, version: string): string[] {
  const entries = Object.entries(tags);
  if (entries.length > MAX_TAGS) {
    throw new ProxyError('invalid', `A publish sets at most ${MAX_TAGS} dist-tags.`);
  }
  for (const [tag, target] of entries) {
    checkDistTag(tag);
    if (cleanVersion(target) !== version) {
      throw new ProxyError('unprocessable', `The dist-tag ${quoted(tag)} of the body points at ${quoted(target)}, which is not the version that is published.`);
    }
  }
  return entries.map(([tag]) => tag);
}

function onlyTarball(attachments: readonly Attachment[], version: string): Attachment {
  const tarballs = attachments.filter((attachment) => !isBundle(attachment));
  const [tarball] = tarballs;
  if (tarball === undefined || tarballs.length > 1) {
    throw new ProxyError('invalid', `A publish carries exactly one tarball; this one has ${tarballs.length}.`);
  }
  // Clients name it by package and version, with or without scope, or after a file on their disk; the tarball's own package.json
  // says what it is. Only the name of another version is a contradiction.
  const filename = tarball.filename.slice(tarball.filename.lastIndexOf('/') + 1);
  const named = cleanVersion(/-(\d+\.\d+\.\d+.*)\.tgz$/.exec(filename)?.[1] ?? '');
  if (!/\.(?:tgz|tar\.gz)$/.test(filename) || (named !== null && named !== version && !filename.endsWith(`-${version}.tgz`))) {
    throw new ProxyError('unprocessable', `The attachment ${quoted(tarball.filename)} is not named as a tarball of version ${version}.`);
  }
  return tarball;
}

function isBundle({ filename }: Attachment): boolean {
  return filename.endsWith('.sigstore');
}

function readmeOf(manifest: VersionManifest, document: PublishBody['document']): string {
  const readme = [manifest['readme'], document['readme']].find((text) => typeof text === 'string' && text !== '');
  // What old clients send for none.
  return typeof readme !== 'string' || readme === 'ERROR: No README data found!' ? '' : readme;
}
