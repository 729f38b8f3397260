import { createHash } from 'node:crypto';

import { eventually, type PackageFile, pypiUploadBody, type PypiUpstream, runCommand, startPypiUpstream, wheelFile } from '@oci-package-proxy/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { type PypiCluster, startPypiCluster } from './pypi-cluster.ts';
import { ADMIN_TOKEN } from './pypi-standalone.ts';

interface Page {
  readonly versions: readonly string[];
  readonly files: readonly { readonly filename: string; readonly url: string; readonly hashes: Readonly<Record<string, string>>; readonly size: number; readonly yanked: boolean | string }[];
}

async function upload(url: string, file: PackageFile): Promise<{ status: number; reason: string; text: string }> {
  const { contentType, body } = pypiUploadBody({ file });
  const answer = await fetch(url, { method: 'POST', headers: { 'content-type': contentType, authorization: `Basic ${Buffer.from(`__token__:${ADMIN_TOKEN}`).toString('base64')}` }, body: new Uint8Array(body) });
  return { status: answer.status, reason: answer.statusText, text: await answer.text() };
}

async function page(index: string, name: string): Promise<Page | null> {
  const answer = await fetch(`${index}${name}/`, { headers: { accept: 'application/vnd.pypi.simple.v1+json' } });
  return answer.status === 404 ? null : ((await answer.json()) as Page);
}

async function sha256Of(url: string): Promise<string> {
  const answer = await fetch(url);
  expect(answer.status, url).toBe(200);
  return createHash('sha256').update(new Uint8Array(await answer.arrayBuffer())).digest('hex');
}

describe('two replicas and two workers on Redis and docker-registry', () => {
  const public1 = wheelFile({ name: 'public', version: '1.0', padding: 3_000_000 });
  let upstream: PypiUpstream;
  let cluster: PypiCluster;

  beforeAll(async () => {
    upstream = await startPypiUpstream([{ name: 'public', files: [{ file: public1 }] }], { links: 'relative' });
    cluster = await startPypiCluster({ PYPI_UPSTREAM_URL: upstream.url });
  });
  afterAll(async () => {
    await cluster.stop();
    await upstream.close();
  });

  it('shows through one replica at once what was uploaded through the other', async () => {
    const [a, b] = cluster.frontEnds;
    const before = await page(b?.index ?? '', 'fresh'); // so that a "not found" could have been remembered

    const first = await upload(a?.upload ?? '', wheelFile({ name: 'fresh', version: '1.0' }));
    const shown = await page(b?.index ?? '', 'fresh');
    const second = await upload(a?.upload ?? '', wheelFile({ name: 'fresh', version: '1.1' }));
    const then = await page(b?.index ?? '', 'fresh');

    expect(before).toBeNull();
    expect([first.status, second.status], first.text + second.text).toEqual([200, 200]);
    expect(shown?.versions).toEqual(['1.0']);
    expect(then?.versions).toEqual(['1.0', '1.1']);
  });

  it('lists all of 50 files of one version that were uploaded at the same time through both', async () => {
    const [a, b] = cluster.frontEnds;
    const files = Array.from({ length: 50 }, (_, index) => wheelFile({ name: 'busy', version: '1.0', tag: `py3-none-any_${index}`, padding: 1000 + index }));

    const answers = await Promise.all(files.map(async (file, index) => upload((index % 2 === 0 ? a : b)?.upload ?? '', file)));

    expect(answers.map(({ status }) => status), answers.map(({ text }) => text).join('\n')).toEqual(files.map(() => 200));
    for (const { index } of cluster.frontEnds) {
      const listed = (await page(index, 'busy'))?.files ?? [];
      expect(listed.map(({ filename }) => filename).sort()).toEqual(files.map(({ filename }) => filename).sort());
      expect(Object.fromEntries(listed.map(({ filename, hashes }) => [filename, hashes['sha256']]))).toEqual(Object.fromEntries(files.map(({ filename, sha256 }) => [filename, sha256])));
    }
  });

  it('lets exactly one of 20 uploads of the same file name with other bytes win, and says why to the others', async () => {
    const [a, b] = cluster.frontEnds;
    const files = Array.from({ length: 20 }, (_, index) => wheelFile({ name: 'contested', version: '1.0', padding: 2000 + index }));

    const answers = await Promise.all(files.map(async (file, index) => upload((index % 2 === 0 ? a : b)?.upload ?? '', file)));

    expect(answers.map(({ status }) => status).sort(), answers.map(({ text }) => text).join('\n')).toEqual([200, ...Array.from({ length: 19 }, () => 409)]);
    expect(answers.filter(({ status, reason }) => status === 409 && !reason.includes('already exists'))).toEqual([]);
    const winner = files[answers.findIndex(({ status }) => status === 200)];
    for (const { index } of cluster.frontEnds) {
      const [listed] = (await page(index, 'contested'))?.files ?? [];
      expect(listed?.hashes['sha256']).toBe(winner?.sha256);
      expect(await sha256Of(listed?.url ?? '')).toBe(winner?.sha256);
    }
  });

  it('fetches a file from upstream once for both replicas and many readers, and stores it', async () => {
    const urls = await Promise.all(cluster.frontEnds.map(async ({ index }) => (await page(index, 'public'))?.files[0]?.url ?? ''));

    const digests = await Promise.all(Array.from({ length: 10 }, async (_, index) => sha256Of(urls[index % 2] ?? '')));
    const address = `${cluster.registry.url.replace('http://', 'docker://')}/packages/pypi/public`;
    await eventually('the file is stored', async () => (await runCommand('skopeo', ['inspect', '--raw', '--tls-verify=false', `${address}:${public1.filename}`], { cwd: cluster.directory })).code === 0, 30_000);
    const inspected = await runCommand('skopeo', ['inspect', '--raw', '--tls-verify=false', `${address}:${public1.filename}`], { cwd: cluster.directory });

    expect(new Set(digests)).toEqual(new Set([public1.sha256]));
    expect(upstream.requests.filter((path) => path.endsWith('.whl'))).toHaveLength(1);
    const manifest = JSON.parse(inspected.stdout) as { artifactType: string; layers: { digest: string }[] };
    expect(manifest.artifactType).toBe('application/vnd.oci-package-proxy.pypi.file.v1');
    expect(manifest.layers.map(({ digest }) => digest)).toContain(`sha256:${public1.sha256}`);
  });

  it('forgets nothing when Redis is flushed, upstream is off and every process is new', async () => {
    const before = (await page(cluster.frontEnds[0]?.index ?? '', 'busy'))?.files.map(({ filename }) => filename);
    await cluster.stopApps();
    const flushed = await runCommand('redis-cli', ['-u', cluster.redis.url, 'flushall'], { cwd: cluster.directory });
    await cluster.startApps({ PYPI_UPSTREAM_URL: 'off' });

    const after = (await page(cluster.frontEnds[1]?.index ?? '', 'busy'))?.files.map(({ filename }) => filename);
    const held = (await page(cluster.frontEnds[1]?.index ?? '', 'public'))?.files ?? [];

    expect(flushed.code, flushed.output).toBe(0);
    expect(after).toHaveLength(50);
    expect(after).toEqual(before);
    expect(held).toMatchObject([{ filename: public1.filename, size: public1.bytes.length }]);
    expect(await sha256Of(held[0]?.url ?? '')).toBe(public1.sha256);
  });

  it('leaves nothing of an upload whose front end is killed', async () => {
    const [a, b] = cluster.frontEnds;
    const { contentType, body } = pypiUploadBody({ file: wheelFile({ name: 'cut', version: '1.0', padding: 500_000 }) });
    const half = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(new Uint8Array(body.subarray(0, body.length / 2))),
    });
    const headers = { 'content-type': contentType, authorization: `Bearer ${ADMIN_TOKEN}` };
    const sent = fetch(a?.upload ?? '', { method: 'POST', headers, body: half, duplex: 'half' } as RequestInit).then(() => 'answered', () => 'broken off');
    await new Promise((resolve) => setTimeout(resolve, 300));

    await a?.app.stop('SIGKILL');

    expect(await sent).toBe('broken off');
    expect(await page(b?.index ?? '', 'cut')).toBeNull();
    expect((await upload(b?.upload ?? '', wheelFile({ name: 'cut', version: '1.0', padding: 500_000 }))).status).toBe(200);
  });
});
