export type { Forge, TerraformHosts, TerraformUpstream } from './config/hosts.ts';
export { TERRAFORM_SECTION, type TerraformSection } from './config/terraform-section.ts';
export { type NamedUpstream, TERRAFORM_VARIABLES } from './config/terraform-variables.ts';
export { terraformMounts } from './http/terraform-mounts.ts';
export { terraform } from './terraform.ecosystem.ts';
export { type TerraformDependencies, TerraformModule, type TerraformObserver } from './terraform.module.ts';
export { createTerraformParts, type PartsOptions, type TerraformLogger, type TerraformParts } from './terraform.parts.ts';
