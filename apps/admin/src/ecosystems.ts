import { npm } from '@oci-package-proxy/npm';
import type { EcosystemDefinition } from '@oci-package-proxy/platform';
import { pypi } from '@oci-package-proxy/pypi';
import { terraform } from '@oci-package-proxy/terraform';

/** Whose commands there are. */
export const ECOSYSTEMS: readonly EcosystemDefinition[] = [npm, pypi, terraform];
