import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { runCommand } from '../command.ts';
import { temporaryDirectory } from '../process.ts';
import { bigWheel } from './big-wheel.ts';
import { type PypiUpstream, type PypiUpstreamOptions, startPypiUpstream } from './pypi-upstream.ts';
import { pypiUploadBody, pypiUploadStream, type UploadClient } from './pypi-upload.ts';
import { sdistFile } from './sdist-file.ts';
import { wheelFile } from './wheel-file.ts';

const leaf = wheelFile({ name: 'leaf', version: '1.0', padding: 200_000 });
const tree = sdistFile({ name: 'Tree.House', version: '2.0', requires: ['leaf'] });

describe('the scripted Python index', () => {
  let directory: string;
  let upstream: PypiUpstream | undefined;
  beforeEach(async () => {
    directory = await temporaryDirectory('pypi-upstream');
  });
  afterEach(async () => {
    await upstream?.close();
    await rm(directory, { recursive: true, force: true });
  });

  it.each<PypiUpstreamOptions>([
    { format: 'json', links: 'relative' },
    { format: 'html', links: 'absolute', base: '/whl/cpu' },
    { format: 'html-bare', links: 'relative', base: '' },
    { format: 'negotiated', links: 'other-host' },
  ])('serves pip as %o', async (options) => {
    upstream = await startPypiUpstream([{ name: 'Leaf', files: [{ file: leaf }] }, { name: 'tree_house', files: [{ file: tree, yanked: 'why <not>' }] }], options);

    const installed = await runCommand(
      'python3',
      ['-m', 'pip', 'download', '--no-cache-dir', '--isolated', '--index-url', upstream.url, '--dest', directory, '--no-deps', 'leaf', 'tree-house==2.0'],
      { cwd: directory },
    );

    expect(installed.code, installed.output).toBe(0);
    expect(installed.output).toContain(leaf.filename);
    expect(upstream.log.some(({ host, path }) => host === 'files' && path.includes(leaf.filename))).toBe(options.links === 'other-host');
  });

  it('answers 304, ranges, metadata and provenance, and fails as it is told', async () => {
    const files = [{ file: leaf, provenance: { version: 1 } }, { file: wheelFile({ name: 'leaf', version: '2.0' }), metadata: 'missing' as const }];
    upstream = await startPypiUpstream([{ name: 'leaf', files }]);
    const page = `${upstream.url}/leaf/`;
    const first = await fetch(page);
    const etag = first.headers.get('etag') ?? '';
    const json = (await first.json()) as { files: { url: string; 'core-metadata': { sha256: string }; provenance: string }[] };
    const [one, two] = json.files;

    const again = await fetch(page, { headers: { 'if-none-match': etag } });
    const part = await fetch(one?.url ?? '', { headers: { range: 'bytes=10-19' } });
    const metadata = await fetch(`${one?.url}.metadata`);
    const missing = await fetch(`${two?.url}.metadata`);
    const provenance = await fetch(one?.provenance ?? '');
    upstream.mode = 'error';
    const failed = await fetch(page);
    upstream.mode = 'drop';

    expect(again.status).toBe(304);
    expect(part.status).toBe(206);
    expect(Buffer.from(await part.arrayBuffer())).toEqual(leaf.bytes.subarray(10, 20));
    expect(Buffer.from(await metadata.arrayBuffer())).toEqual(leaf.metadata);
    expect(missing.status).toBe(404);
    expect(await provenance.json()).toEqual({ version: 1 });
    expect(failed.status).toBe(503);
    await expect(fetch(page)).rejects.toThrow();
  });

  it('breaks files off and damages them', async () => {
    const files = [{ file: leaf, fault: 'truncated' as const }, { file: tree, fault: 'wrong-bytes' as const }];
    upstream = await startPypiUpstream([{ name: 'leaf', files }], { links: 'absolute' });
    const origin = new URL(upstream.url).origin;

    const cut = await fetch(`${origin}/files/${leaf.filename}`);
    const damaged = Buffer.from(await (await fetch(`${origin}/files/${tree.filename}`)).arrayBuffer());

    expect(cut.headers.get('content-length')).toBe(String(leaf.bytes.length));
    await expect(cut.arrayBuffer()).rejects.toThrow();
    expect(damaged).toHaveLength(tree.bytes.length);
    expect(damaged).not.toEqual(tree.bytes);
  });

  it.each<UploadClient>(['twine', 'uv', 'poetry', 'pdm', 'hatch', 'flit', 'content-first'])('writes the upload of %s so that it can be read', async (client) => {
    const upload = pypiUploadBody({ file: tree, client, attestations: [{ version: 1 }], fields: { comment: null, classifiers: ['A', 'B'] } });

    const form = await new Response(new Uint8Array(upload.body), { headers: { 'content-type': upload.contentType } }).formData();

    const content = form.get('content') as File;
    expect(content.name).toBe(tree.filename);
    expect(Buffer.from(await content.arrayBuffer())).toEqual(tree.bytes);
    expect(form.get('sha256_digest')).toBe(tree.sha256);
    expect(form.getAll('requires_dist')).toEqual(['leaf']);
    expect(form.getAll('classifiers')).toEqual(['A', 'B']);
    expect(form.get(':action')).toBe('file_upload');
    const order = [...form.keys()];
    expect(order.indexOf('content') < order.indexOf('name')).toBe(client === 'content-first');
    expect(order.indexOf('attestations') > order.indexOf('content')).toBe(client === 'uv' || client === 'content-first');
  });

  it('streams the upload of a file on disk with the length that it says', async () => {
    const big = await bigWheel({ directory, bytes: 300_000 });
    const upload = pypiUploadStream({ file: big });
    const chunks: Buffer[] = [];
    for await (const chunk of upload.body as AsyncIterable<Buffer>) {
      chunks.push(chunk);
    }
    const body = Buffer.concat(chunks);
    await writeFile(join(directory, 'body'), body);

    const form = await new Response(new Uint8Array(body), { headers: { 'content-type': upload.contentType } }).formData();

    expect(body).toHaveLength(upload.length);
    expect((form.get('content') as File).size).toBe(big.size);
  });
});
