// Prints what a run of `npm run test:registries` saw, and fails when docs/registries.md shows something else; with UPDATE=1 it is written there.
// registry-matrix.mjs <results of registry-results.mjs> <.clients/registries/not-run>
import { readFileSync, writeFileSync } from 'node:fs';

const [resultsFile, notRunFile] = process.argv.slice(2);
const DOCUMENT = new URL('../docs/registries.md', import.meta.url);
const BEGIN = '<!-- written by `npm run test:registries` -->';
const END = '<!-- end -->';

const MEASURED = {
  missingRepository: 'a repository that is not there',
  createsRepositories: 'a first push creates the repository',
  nestedNames: 'names as deep as ours',
  chunkedUploads: 'uploads in chunks',
  minChunkBytes: 'smallest chunk (`OCI-Chunk-Min-Length`)',
  mounts: 'mounts blobs',
  blobRanges: 'parts of blobs (`Range`)',
  blobRedirects: 'redirects reads elsewhere',
  largestManifest: 'largest manifest taken, of those tried',
  contentDigest: '`Docker-Content-Digest`',
  replacesTags: 'tags can be put again',
  replacesDerivedTags: '`_snapshot` and `_upstream` can be put again',
  tagPages: 'tag lists in pages',
  tagOrder: 'order of tag lists',
  deletesTags: 'deletes by tag',
  deletesDigests: 'deletes by digest',
  deleteSparesTags: 'deleting a tag spares others of its digest',
  deletesChildren: 'deletes children of indexes',
  referrers: 'referrers API',
};
const WORDS = {
  tagPages: { linked: 'yes, with `Link`', 'by-last': 'without `Link`; `last` works', cut: 'cut, the rest cannot be had', ignored: 'no: all at once' },
  tagOrder: { lexical: 'by name', 'by-age': 'oldest first', none: 'none' },
  minChunkBytes: { 0: 'none said' },
};
const ODDITIES = {
  missingParts: (code) => (code === 'taken' ? 'takes manifests whose blobs are missing' : 'answers 500 to a manifest that names what is missing'),
  rangeBeyond: () => 'answers 500 to a part of a blob that begins after its end',
  hidesDamage: () => 'says that a blob is missing when its bytes were damaged',
};

const results = JSON.parse(readFileSync(resultsFile, 'utf8'));
const servers = Object.keys(results);
const missing = readFileSync(notRunFile, 'utf8').split('\n').flatMap((line) => /^Not run: (\S+)/.exec(line)?.[1] ?? []);

function table(head, rows) {
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`);
}

/** `yes`, or in which forms it was run, or failed. */
function verdict(server, row) {
  const forms = Object.entries(results[server]);
  const run = forms.filter(([, { rows }]) => row in rows);
  const failed = run.filter(([, { rows }]) => !rows[row]).map(([form]) => form);
  if (failed.length > 0) {
    return `FAILED: ${failed.join('; ')}`;
  }
  if (run.length === 0) {
    return 'not run';
  }
  return run.length === forms.length ? 'yes' : `yes (${run.map(([form]) => form).join('; ')})`;
}

/** Forms of a server that showed the same, together. */
function columns() {
  const found = [];
  for (const server of servers) {
    const alike = new Map();
    for (const [form, { probe }] of Object.entries(results[server])) {
      const cells = Object.keys(MEASURED).map((topic) => cell(topic, probe?.[topic]));
      const key = JSON.stringify(cells);
      alike.set(key, { cells, forms: [...(alike.get(key)?.forms ?? []), form] });
    }
    for (const { cells, forms } of alike.values()) {
      found.push({ name: alike.size === 1 ? server : `${server}: ${forms.join('; ')}`, cells });
    }
  }
  return found;
}

function cell(topic, value) {
  if (value === null || value === undefined) {
    return 'not told';
  }
  return WORDS[topic]?.[value] ?? { true: 'yes', false: 'no' }[value] ?? String(value);
}

function oddities() {
  return servers.flatMap((server) => {
    const texts = Object.values(results[server]).flatMap(({ oddities: odd }) => Object.entries(odd).map(([what, code]) => ODDITIES[what](code)));
    return texts.length === 0 ? [] : [`- ${server} ${[...new Set(texts)].join('; ')}.`];
  });
}

const rows = [...new Set(servers.flatMap((server) => Object.values(results[server]).flatMap((seen) => Object.keys(seen.rows))))];
const measured = columns();
const text = [
  ...table(['what', ...servers], [...rows.map((row) => [row, ...servers.map((server) => verdict(server, row))]), ['in these forms', ...servers.map((server) => Object.keys(results[server]).join('; '))]]),
  '',
  ...table(['what the probe of `doctor` saw', ...measured.map(({ name }) => name)], Object.values(MEASURED).map((label, at) => [label, ...measured.map(({ cells }) => cells[at])])),
  '',
  ...oddities(),
  ...missing.map((name) => `- ${name}: not run, as it could not be built.`),
  '',
].join('\n');
process.stdout.write(`\n${text}\n`);

const document = readFileSync(DOCUMENT, 'utf8');
const [before, rest = ''] = document.split(`${BEGIN}\n`);
const wanted = `${before}${BEGIN}\n${text}${rest.slice(rest.indexOf(END))}`;
if (process.env.UPDATE === '1') {
  writeFileSync(DOCUMENT, wanted);
} else if (document !== wanted) {
  process.stdout.write('docs/registries.md shows something else: look why, then UPDATE=1 npm run test:registries\n');
  process.exitCode = 1;
}
