export { TERRAFORM_SECTION, type TerraformSection } from './config/terraform-section.ts';
export { TERRAFORM_VARIABLES } from './config/terraform-variables.ts';
export { terraform } from './terraform.ecosystem.ts';
