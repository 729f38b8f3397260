import { z } from 'zod';

/** Environment variables of Terraform's alone. */
export const TERRAFORM_VARIABLES = {
  /** The host in the source addresses of what is published here. */
  TERRAFORM_HOSTNAME: z.string().optional(),
  /** Registries that may be pulled through: host names (or URLs), separated by commas; `off` or nothing for none. */
  TERRAFORM_UPSTREAM_HOSTS: z.string().optional(),
};
