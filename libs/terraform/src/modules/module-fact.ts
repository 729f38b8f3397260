import { fileBlob } from '@oci-package-proxy/oci';
import { versionTag } from '@oci-package-proxy/mapping';
import type { NewFact } from '@oci-package-proxy/storage';

import type { NormalizedModule } from '../archives/module-archive.ts';
import type { ModuleAddress } from '../model/address.ts';
import { encodeDocument, OPENTOFU_TYPES, TERRAFORM_TYPES } from '../model/terraform-fact.ts';
import { archiveName } from './module-name.ts';

/** The OCI image specification, "Annotations": what a client calls the file that it takes out. */
const TITLE = 'org.opencontainers.image.title';

/** A module version that is to be stored. */
export interface NewModule {
  readonly address: ModuleAddress;
  readonly version: string;
  readonly archive: NormalizedModule;
  /** Where upstream has it, as `ArchiveLocation.source`; null: it is published here. */
  readonly source: string | null;
  /** ISO 8601. */
  readonly at: string;
}

/**
 * A module version as it is stored: for OpenTofu a package, https://opentofu.org/docs/cli/oci_registries/module-package/. Whether two are
 * the same is told by their contents and what of them may be executed, not by how those are packed.
 */
export function moduleFact({ address, version, archive, source, at }: NewModule): NewFact {
  const { path, sha256, size, identity, subdirectory, root, submodules } = archive;
  return {
    tag: versionTag(version),
    version,
    artifactType: OPENTOFU_TYPES.module,
    document: encodeDocument({ version, sha256, size, root, submodules, source, ...(subdirectory !== null && { subdirectory }) }),
    documentMediaType: TERRAFORM_TYPES.moduleDocument,
    layers: [{ mediaType: OPENTOFU_TYPES.archive, source: fileBlob(path, `sha256:${sha256}`, size), annotations: { [TITLE]: archiveName(address, version) } }],
    payload: identity,
    at,
  };
}
