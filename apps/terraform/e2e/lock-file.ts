/** What a lock file says of one provider. */
export interface LockedProvider {
  readonly version: string;
  readonly hashes: readonly string[];
}

/** The providers of `.terraform.lock.hcl`, by source address. */
export function lockedProviders(text: string): Readonly<Record<string, LockedProvider>> {
  const blocks = [...text.matchAll(/^provider "([^"]+)" \{\n([\s\S]*?)^\}/gm)];
  return Object.fromEntries(
    blocks.map(([, source = '', body = '']) => [source, { version: /^ *version *= "([^"]+)"/m.exec(body)?.[1] ?? '', hashes: [...body.matchAll(/"((?:h1|zh):[^"]+)"/g)].map(([, hash = '']) => hash) }]),
  );
}
