import { ProxyError } from '@oci-package-proxy/errors';
import { bufferBlob, EMPTY_DESCRIPTOR, isTagCreator, isTagDeleter, MANIFEST_MEDIA_TYPE, manifestBytes, MemoryRegistry, type Repository } from '@oci-package-proxy/oci';
import { describe, expect, it } from 'vitest';

import { Metrics } from './metrics.ts';
import { withMetrics } from './with-metrics.ts';

const MANIFEST = manifestBytes({ schemaVersion: 2, mediaType: MANIFEST_MEDIA_TYPE, config: EMPTY_DESCRIPTOR, layers: [] });

async function linesOf(metrics: Metrics, name: string): Promise<string[]> {
  const { body } = await metrics.text();
  return body.split('\n').filter((line) => line.startsWith(name)).sort();
}

describe('Metrics', () => {
  it('are text that Prometheus reads, with the names that dashboards and tests rely on', async () => {
    const metrics = new Metrics();
    metrics.ingestOutcomes.inc({ ecosystem: 'alpha', outcome: 'stored' });
    metrics.ingestJobsPending.set({ ecosystem: 'alpha' }, 0);
    metrics.httpRequests.inc({ ecosystem: 'alpha', route: '/x', status: '200' });
    metrics.httpDuration.observe({ ecosystem: 'alpha', route: '/x' }, 0.02);

    const { contentType, body } = await metrics.text();

    expect(contentType).toMatch(/^text\/plain; version=0\.0\.4/);
    expect(body).toMatch(/^ingest_outcomes_total\{ecosystem="alpha",outcome="stored"\} 1$/m);
    expect(body).toMatch(/^ingest_jobs_pending\{ecosystem="alpha"\} 0$/m);
    expect(body).toMatch(/^http_requests_total\{ecosystem="alpha",route="\/x",status="200"\} 1$/m);
    expect(body).toMatch(/^http_request_duration_seconds_bucket\{le="0\.025",ecosystem="alpha",route="\/x"\} 1$/m);
    expect(body).toMatch(/^process_resident_memory_bytes \d+$/m);
    expect(body).toMatch(/^nodejs_eventloop_lag_seconds /m);
  });

  it('can leave out the process, and never share numbers', async () => {
    const [one, other] = [new Metrics({ process: false }), new Metrics({ process: false })];
    one.publishes.inc({ ecosystem: 'alpha', result: 'created' });

    expect((await one.text()).body).not.toContain('process_');
    expect(await linesOf(other, 'publish_total')).toEqual([]);
  });
});

describe('withMetrics', () => {
  it('counts and times every operation, by how it ended', async () => {
    const metrics = new Metrics({ process: false });
    const registry = withMetrics(new MemoryRegistry({ createOnly: true, pageSize: 2 }), metrics);
    const repository = registry.repository('alpha/lib');
    const blob = bufferBlob(Buffer.from('{}'));

    await registry.check();
    await repository.writeBlob(blob);
    for (const tag of ['a', 'b', 'c']) {
      await repository.writeManifest(MANIFEST, { tag });
    }
    await repository.readManifest('a');
    await repository.statManifest('missing');
    await repository.statBlob(blob.digest);
    const body = await repository.readBlob(blob.digest);
    body?.stream.resume();
    const tags: (readonly string[])[] = [];
    for await (const page of repository.listTags()) {
      tags.push(page);
    }

    expect(tags.flat().sort()).toEqual(['a', 'b', 'c']);
    expect(await linesOf(metrics, 'oci_requests_total')).toEqual([
      'oci_requests_total{operation="check",result="ok"} 1',
      `oci_requests_total{operation="list-tags",result="ok"} ${tags.length + 1}`,
      'oci_requests_total{operation="read-blob",result="ok"} 1',
      'oci_requests_total{operation="read-manifest",result="ok"} 1',
      'oci_requests_total{operation="stat-blob",result="ok"} 1',
      'oci_requests_total{operation="stat-manifest",result="missing"} 1',
      'oci_requests_total{operation="write-blob",result="ok"} 1',
      'oci_requests_total{operation="write-manifest",result="ok"} 3',
    ]);
    expect(await linesOf(metrics, 'oci_request_duration_seconds_count{operation="write-manifest"}')).toEqual(['oci_request_duration_seconds_count{operation="write-manifest"} 3']);
  });

  it('passes failures on, counted by their code', async () => {
    const metrics = new Metrics({ process: false });
    const failing = new MemoryRegistry({ gate: { before: () => {
      throw new ProxyError('storage-unavailable', 'down');
    } } });

    await expect(withMetrics(failing, metrics).repository('alpha/lib').readManifest('a')).rejects.toMatchObject({ code: 'storage-unavailable' });

    expect(await linesOf(metrics, 'oci_requests_total')).toEqual(['oci_requests_total{operation="read-manifest",result="storage-unavailable"} 1']);
  });

  it.each([true, false])('leaves the optional powers as they are (create-only %s)', async (createOnly) => {
    const inner = new MemoryRegistry({ createOnly }).repository('alpha/lib');
    const powers = (repository: Repository): boolean[] => [isTagCreator(repository), isTagDeleter(repository)];
    const repository = withMetrics({ repository: () => inner, check: async () => Promise.resolve(), close: async () => Promise.resolve() }, new Metrics({ process: false })).repository('alpha/lib');

    expect(powers(repository)).toEqual(powers(inner));
    expect(isTagCreator(repository)).toBe(createOnly);
  });
});
