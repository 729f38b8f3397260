import { existsSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';

import { WORKSPACE_ROOT } from '@oci-package-proxy/testing';

/** The clients of the matrix: `terraform` is what the machine has, the others are built by `scripts/install-terraform.sh`. */
export const PROGRAMS = ['terraform', 'terraform 1.13', 'tofu 1.12', 'tofu 1.10'] as const;
export type Program = (typeof PROGRAMS)[number];

const TARGET = join(WORKSPACE_ROOT, '.clients/terraform');

/** The clients that are there. @throws Error when there is none at all, or no `terraform`. */
export const AVAILABLE: readonly Program[] = available();

/** The program of a client. @throws Error when it is not installed. */
export function programPath(program: Program): string {
  const found = pathOf(program);
  if (found === null) {
    throw new Error(`${program} is not installed: bash scripts/install-terraform.sh`);
  }
  return found;
}

/** Whether a client is OpenTofu, which reads OCI registries itself. */
export function isTofu(program: Program): boolean {
  return program.startsWith('tofu');
}

/** The real provider of the tests, by platform: the program's path. @throws Error when it is not built. */
export function realProvider(): { readonly type: string; readonly version: string; readonly programs: Readonly<Record<string, string>> } {
  const file = join(TARGET, 'provider/release.json');
  if (!existsSync(file)) {
    throw new Error('The real provider is not built: bash scripts/install-terraform.sh');
  }
  const { type, version, platforms } = JSON.parse(readFileSync(file, 'utf8')) as { type: string; version: string; platforms: readonly string[] };
  return { type, version, programs: Object.fromEntries(platforms.map((platform) => [platform, join(TARGET, 'provider', platform)])) };
}

function available(): readonly Program[] {
  const found = PROGRAMS.filter((program) => pathOf(program) !== null);
  if (!found.includes('terraform')) {
    throw new Error('terraform is not installed: bash scripts/install-terraform.sh');
  }
  return found;
}

function pathOf(program: Program): string | null {
  const built = join(TARGET, program.replace(' ', '-'));
  if (existsSync(built)) {
    return built;
  }
  const directories = program === 'terraform' ? (process.env['PATH'] ?? '').split(delimiter) : [];
  return directories.map((directory) => join(directory, 'terraform')).find((path) => existsSync(path)) ?? null;
}
