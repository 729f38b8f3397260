import { Readable } from 'node:stream';

import { checkModuleLayout, moduleArchive, portOciSource, uploadForm } from '@oci-package-proxy/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { moduleRef } from '../model/address.ts';
import { moduleDocumentOf } from '../model/terraform-fact.ts';
import type { PublishAnswer, UploadBody } from '../publish/publish-port.ts';
import { FILES, OWN, type SampleModules, startSampleModules } from './sample-modules.contract.ts';

const ADDRESS = { host: OWN, namespace: 'Acme', name: 'net_work', system: 'aws' };
const CALL = { by: 'carol' };

describe('uploads of modules', () => {
  let sample: SampleModules;
  beforeEach(async () => {
    sample = await startSampleModules({ upstream: null, publishBytes: 2 ** 16 });
  });
  afterEach(() => sample.close());

  function bodyOf(bytes: Buffer, contentType?: string): UploadBody {
    return { contentType, stream: Readable.from([...pieces(bytes)], { objectMode: false }) };
  }

  async function publish(bytes: Buffer, version = '1.0.0', change: Partial<typeof ADDRESS> = {}): Promise<PublishAnswer> {
    return sample.uploads.publish({ ...ADDRESS, ...change }, version, bodyOf(bytes), CALL);
  }

  it.each(['zip', 'tar.gz'] as const)('stores a %s as OpenTofu reads it, with what is shown of it', async (format) => {
    const answer = await publish(moduleArchive({ files: FILES, format }).bytes);

    const fact = await sample.ledger.fact(moduleRef(ADDRESS), '1.0.0');
    expect(answer).toEqual({ outcome: 'created', version: '1.0.0', files: ['Acme-net_work-aws-1.0.0.zip'], warnings: [] });
    expect(fact).toMatchObject({ origin: 'published', artifactType: 'application/vnd.opentofu.modulepkg', payload: expect.stringMatching(/^h1:/) as string, layers: [{ mediaType: 'archive/zip' }] });
    const document = fact === null ? null : moduleDocumentOf(fact);
    expect(document).toMatchObject({ version: '1.0.0', source: null, root: { readme: '# Network\n', inputs: [{ name: 'name', description: 'What it is called.' }] }, submodules: [{ path: 'modules/vpc', outputs: [{ name: 'id' }] }] });
    expect(`sha256:${document?.sha256}`).toBe(fact?.layers[0]?.digest);
    const report = await checkModuleLayout(portOciSource(sample.registry.repository(moduleRef(ADDRESS).repository)));
    expect(report).toEqual({ versions: { '1.0.0': [] }, violations: [] });
    expect(await sample.temporary()).toEqual([]);
  });

  it('takes the same module packed in another way for the same, and another one for a conflict', async () => {
    await publish(moduleArchive({ files: FILES, format: 'zip' }).bytes);

    const again = await publish(moduleArchive({ files: Object.fromEntries(Object.entries(FILES).reverse()), format: 'tar.gz' }).bytes);
    const other = publish(moduleArchive({ files: { ...FILES, 'more.tf': '' } }).bytes);

    expect(again.outcome).toBe('same');
    await expect(other).rejects.toMatchObject({ code: 'conflict', message: expect.stringContaining('Raise the version') as string });
    expect(await sample.temporary()).toEqual([]);
  });

  it('never publishes again what was deleted', async () => {
    const archive = moduleArchive({ files: FILES });
    await publish(archive.bytes);
    await sample.ledger.delete(moduleRef(ADDRESS), ['1.0.0'], { by: 'carol' });

    await expect(publish(archive.bytes)).rejects.toMatchObject({ code: 'conflict', message: expect.stringContaining('deleted') as string });
  });

  it('takes the one file of a form', async () => {
    const archive = moduleArchive({ files: FILES });
    const form = uploadForm([archive], { description: 'text' });

    const answer = await sample.uploads.publish(ADDRESS, '1.0.0', { contentType: form.contentType, stream: form.stream() }, CALL);
    const alone = await publish(archive.bytes);

    expect([answer.outcome, alone.outcome]).toEqual(['created', 'same']);
  });

  it('takes a form whose file comes in any pieces', async () => {
    const form = uploadForm([moduleArchive({ files: { ...FILES, 'noise.txt': '0123456789'.repeat(500) }, format: 'zip' })]);
    const bytes = Buffer.concat(await form.stream().toArray() as Buffer[]);

    const outcomes: string[] = [];
    for (const size of [1, 7, 1000]) {
      const answer = await sample.uploads.publish(ADDRESS, '1.0.0', { contentType: form.contentType, stream: Readable.from([...pieces(bytes, size)], { objectMode: false }) }, CALL);
      outcomes.push(answer.outcome);
    }

    expect(outcomes).toEqual(['created', 'same', 'same']);
  });

  it.each([
    ['nothing', '', undefined, 'invalid', 'empty'],
    ['a text', '<html></html>', 'application/zip', 'unprocessable', 'neither a zip nor a tar.gz'],
    ['a form without a file', '--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nb\r\n--x--\r\n', 'multipart/form-data; boundary=x', 'invalid', 'without any file'],
    ['two files', ['a', 'b'].map((name) => `--x\r\nContent-Disposition: form-data; name="${name}"; filename="${name}.zip"\r\n\r\nb\r\n`).join('') + '--x--\r\n', 'multipart/form-data; boundary=x', 'invalid', 'more than one file'],
    ['half a form', '--x\r\nContent-Disposition: form-data; name="a"; filename="a.zip"\r\n\r\nPK', 'multipart/form-data; boundary=x', 'invalid', 'not a whole form'],
    ['a form without a boundary', 'PK', 'multipart/form-data', 'invalid', 'not a whole form'],
    ['a form that ends in a header', '--x\r\nContent-Disposition: form-data; name="a"; filename="a.zip"\r\n--x--\r\n', 'multipart/form-data; boundary=x', 'invalid', 'form'],
    ['too much', 'x'.repeat(2 ** 16 + 1), undefined, 'too-large', '65536 bytes'],
    ['too much of a form', `--x\r\nContent-Disposition: form-data; name="a"; filename="a.zip"\r\n\r\n${'x'.repeat(2 ** 16 + 1)}\r\n--x--\r\n`, 'multipart/form-data; boundary=x', 'too-large', '65536 bytes'],
  ])('refuses %s', async (_what, text, contentType, code, says) => {
    const publishing = sample.uploads.publish(ADDRESS, '1.0.0', bodyOf(Buffer.from(text), contentType), CALL);

    await expect(publishing).rejects.toMatchObject({ code, message: expect.stringContaining(says) as string });
    expect(await sample.ledger.fact(moduleRef(ADDRESS), '1.0.0')).toBeNull();
    expect(await sample.temporary()).toEqual([]);
  });

  it.each([
    ['no module', { files: { 'README.md': '# Nothing\n' } }],
    ['a path that leads out', { files: { ...FILES, '../evil.tf': '' } }],
    ['a link that leads out', { files: FILES, links: { 'secrets.tf': '../../etc/passwd' }, format: 'tar.gz' }],
  ] as const)('refuses an archive with %s, and stores nothing of it', async (_what, archive) => {
    const publishing = publish(moduleArchive(archive).bytes);

    await expect(publishing).rejects.toMatchObject({ code: 'unprocessable' });
    expect(sample.stored.get(moduleRef(ADDRESS).repository)?.blobs.size ?? 0).toBe(0);
    expect(await sample.temporary()).toEqual([]);
  });

  it.each(['v1.0.0', '1.0', 'latest', '1.0.0-01', '../1.0.0', ''])('refuses the version %j', async (version) => {
    await expect(publish(moduleArchive({ files: FILES }).bytes, version)).rejects.toMatchObject({ code: 'invalid', message: expect.stringContaining('three numbers') as string });
  });

  it('refuses names that no client can write', async () => {
    await expect(publish(moduleArchive({ files: FILES }).bytes, '1.0.0', { system: 'AWS' })).rejects.toMatchObject({ code: 'invalid' });
  });

  it('keeps build metadata and pre-releases apart', async () => {
    for (const version of ['1.0.0-rc.1', '1.0.0-rc.1+a', '1.0.0']) {
      expect((await publish(moduleArchive({ files: { 'main.tf': `# ${version}` } }).bytes, version)).outcome).toBe('created');
    }
    expect([...(await sample.ledger.fold(moduleRef(ADDRESS))).facts.keys()].sort()).toEqual(['1.0.0', '1.0.0-rc.1', '1.0.0-rc.1_a']);
  });

  it('takes no new module that differs from one in the case of letters alone', async () => {
    await publish(moduleArchive({ files: FILES }).bytes);

    await expect(publish(moduleArchive({ files: FILES }).bytes, '1.0.0', { namespace: 'acme' })).rejects.toMatchObject({ code: 'conflict', message: expect.stringContaining(`${OWN}/Acme/net_work/aws`) as string });
    expect((await publish(moduleArchive({ files: FILES }).bytes, '1.0.0', { namespace: 'acme', name: 'other' })).outcome).toBe('created');
    expect((await publish(moduleArchive({ files: FILES }).bytes, '1.1.0')).outcome).toBe('created');
  });

  it('leaves nothing when the sender leaves', async () => {
    const stream = new Readable({ read: () => undefined });
    stream.push(Buffer.from('PK'));
    const publishing = sample.uploads.publish(ADDRESS, '1.0.0', { contentType: 'application/zip', stream }, CALL);
    setTimeout(() => stream.destroy(new Error('reset')), 20);

    await expect(publishing).rejects.toMatchObject({ code: 'aborted' });
    expect(await sample.temporary()).toEqual([]);
  });

  it('stops when it is told to', async () => {
    const stream = new Readable({ read: () => undefined });
    const controller = new AbortController();
    const publishing = sample.uploads.publish(ADDRESS, '1.0.0', { contentType: undefined, stream }, { ...CALL, signal: controller.signal });
    setTimeout(() => controller.abort(), 20);

    await expect(publishing).rejects.toMatchObject({ code: 'aborted' });
    expect(await sample.temporary()).toEqual([]);
  });
});

function* pieces(bytes: Buffer, size = 1000): Iterable<Buffer> {
  for (let at = 0; at < bytes.length; at += size) {
    yield bytes.subarray(at, at + size);
  }
}
