import { readFile, writeFile } from 'node:fs/promises';
import { env } from 'node:process';

import { expect, it } from 'vitest';

import { KNOWN_PRODUCTS, type KnownProduct, registryProfile } from './known-products.ts';
import { CAREFUL, PRODUCTS, type RegistryProfile } from './registry-profile.ts';

const DOCUMENT = new URL('../../../../../docs/registries.md', import.meta.url);
const BEGIN = '<!-- written by known-products.spec.ts, from known-products.ts -->';
const END = '<!-- end -->';

/** What the columns of the table say of a registry. */
const COLUMNS: Readonly<Record<string, (profile: RegistryProfile) => string>> = {
  names: ({ names }) => names,
  'tags a request': ({ tagsPerPage }) => String(tagsPerPage),
  order: ({ tagOrder }) => ({ lexical: 'by name', 'by-age': 'oldest first', none: 'none' })[tagOrder],
  'list cut at': ({ maxTags }) => (maxTags === null ? 'no' : String(maxTags)),
  deletes: ({ deletes }) => ({ tag: 'by tag', digest: 'by digest', none: 'not at all', learn: 'tried out' })[deletes],
  mount: ({ mounts }) => yesNo(mounts),
  chunks: ({ chunkedUploads, maxChunkBytes }) => (maxChunkBytes === null ? yesNo(chunkedUploads) : `to ${maxChunkBytes / 2 ** 20} MiB`),
  referrers: ({ referrers }) => yesNo(referrers),
  'push creates': ({ createsRepositories }) => yesNo(createsRepositories),
  'manifest bytes': ({ maxManifestBytes }) => String(maxManifestBytes),
};

function yesNo(value: boolean): string {
  return value ? 'yes' : 'no';
}

function rendered(): string {
  const rows = [
    ['`storage.product`', 'registry', ...Object.keys(COLUMNS), 'evidence'],
    ...PRODUCTS.map((product) => row(`\`${product}\``, registryProfile({ product }), KNOWN_PRODUCTS[product])),
    row('not said', { ...CAREFUL, product: null }, null),
  ];
  const [head = [], ...body] = rows;
  const table = [head, head.map(() => '---'), ...body].map((cells) => `| ${cells.join(' | ')} |`);
  const notes = PRODUCTS.flatMap((product) => notesOf(product, KNOWN_PRODUCTS[product]));
  return [...table, '', ...notes].join('\n');
}

function row(name: string, profile: RegistryProfile, known: KnownProduct | null): string[] {
  const evidence = known === null ? 'what every one of them does' : `${{ run: 'run', source: 'read', reported: 'told' }[known.evidence]}: ${known.sources}`;
  return [name, known?.title ?? 'any other', ...Object.values(COLUMNS).map((text) => text(profile)), evidence];
}

function notesOf(product: string, { title, creation, notes }: KnownProduct): string[] {
  return [`**${title}** (\`${product}\`). To be made before the first push: ${creation[0]?.toLowerCase()}${creation.slice(1)}`, ...notes.map((note) => `- ${note}`), ''];
}

it('is what docs/registries.md shows', async () => {
  const text = await readFile(DOCUMENT, 'utf8');
  const [before = '', rest = ''] = text.split(`${BEGIN}\n`);
  const after = rest.slice(rest.indexOf(END));
  const wanted = `${before}${BEGIN}\n${rendered()}\n${after}`;
  if (env['UPDATE'] === '1') {
    await writeFile(DOCUMENT, wanted);
  }

  expect(after.startsWith(END)).toBe(true);
  expect(await readFile(DOCUMENT, 'utf8')).toBe(wanted);
});

it.each(PRODUCTS)('is sound for %s', (product) => {
  const profile = registryProfile({ product });

  // Whether a tag can be put again decides how rivals are told apart: only an operator knows the registry's rules.
  expect(profile.immutableTags).toBe(false);
  expect(profile.uploadChunkBytes).toBeNull();
  expect(profile.maxChunkBytes === null || profile.chunkedUploads).toBe(true);
  expect(profile.deletes).not.toBe('learn');
});
