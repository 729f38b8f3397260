import { ProxyError } from '@oci-package-proxy/errors';
import type { EcosystemDefinition } from '@oci-package-proxy/platform';

import { TERRAFORM_SECTION } from './config/terraform-section.ts';
import { TERRAFORM_VARIABLES } from './config/terraform-variables.ts';
import { ECOSYSTEM } from './model/address.ts';

/** Terraform and OpenTofu, as the apps list them. */
export const terraform: EcosystemDefinition<typeof TERRAFORM_VARIABLES> = {
  name: ECOSYSTEM,
  variables: TERRAFORM_VARIABLES,
  section: TERRAFORM_SECTION,
  create: async () => Promise.reject(new ProxyError('internal', 'not built yet')),
};
