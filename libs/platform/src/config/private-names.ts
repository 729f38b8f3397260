import type { PlatformConfig } from './platform-config.ts';

/** Globs of an ecosystem's names that are never asked of upstream: `privateNames.<ecosystem>` of CONFIG_FILE. */
export function privateNamesOf({ file }: Pick<PlatformConfig, 'file'>, ecosystem: string): readonly string[] {
  // The section is there whenever an app read its configuration; a test may do without.
  const { privateNames = {} } = file as { readonly privateNames?: Readonly<Record<string, readonly string[]>> };
  return privateNames[ecosystem] ?? [];
}
