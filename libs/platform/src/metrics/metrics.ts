import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';

const SHORT_SECONDS = [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 120, 600];
const LONG_SECONDS = [0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600];

/** How {@link Metrics} are made. */
export interface MetricsOptions {
  /** Also the process's own numbers: memory, event loop, garbage collection. Default true. */
  readonly process?: boolean;
}

/**
 * The numbers of one process, in base units. Labels are bounded: ecosystems, route patterns, results; never a package,
 * user or host.
 */
export class Metrics {
  readonly registry = new Registry();
  readonly httpRequests = this.#counter('http_requests_total', 'Requests answered.', ['ecosystem', 'route', 'status']);
  readonly httpDuration = this.#histogram('http_request_duration_seconds', 'Time to the end of an answer.', ['ecosystem', 'route'], SHORT_SECONDS);
  readonly bytes = this.#counter('bytes_total', 'Bytes on the public listener, headers included.', ['direction']);
  /** `kind`: metadata or file; `result`: hit, miss, stale, negative, revalidated or coalesced. */
  readonly cacheRequests = this.#counter('cache_requests_total', 'Reads, by what the cache had.', ['ecosystem', 'kind', 'result']);
  readonly upstreamRequests = this.#counter('upstream_requests_total', 'Requests to upstream, by result.', ['ecosystem', 'result']);
  readonly upstreamDuration = this.#histogram('upstream_duration_seconds', 'Time of requests to upstream.', ['ecosystem'], SHORT_SECONDS);
  /** 0 closed, 1 half open, 2 open. */
  readonly upstreamCircuit = this.#gauge('upstream_circuit_state', 'Circuit breaker: 0 closed, 1 half open, 2 open.', ['ecosystem']);
  readonly ociRequests = this.#counter('oci_requests_total', 'Operations on the OCI registry.', ['operation', 'result']);
  readonly ociDuration = this.#histogram('oci_request_duration_seconds', 'Time of operations on the OCI registry, to the first byte.', ['operation'], SHORT_SECONDS);
  readonly policyDecisions = this.#counter('policy_decisions_total', 'Decisions of policies.', ['rule_type', 'action']);
  readonly integrityFailures = this.#counter('integrity_failures_total', 'Files whose bytes were wrong.', ['ecosystem', 'source']);
  readonly queueJobs = this.#gauge('queue_jobs', 'Jobs in the queue.', ['queue', 'state']);
  readonly ingestDuration = this.#histogram('ingest_duration_seconds', 'Time to store a pulled-through file.', ['ecosystem', 'result'], LONG_SECONDS);
  readonly ingestLag = this.#histogram('ingest_lag_seconds', 'Time from a job being handed in to its start.', ['ecosystem'], LONG_SECONDS);
  /** `outcome`: stored, present, pinned, deleted, published, failed (it is tried again) or refused (for good). */
  readonly ingestOutcomes = this.#counter('ingest_outcomes_total', 'Tries of ingest jobs, by how they ended.', ['ecosystem', 'outcome']);
  readonly ingestJobsPending = this.#gauge('ingest_jobs_pending', 'Ingest jobs that wait, run or will be tried again.', ['ecosystem']);
  readonly ingestEnqueueFailures = this.#counter('ingest_enqueue_failures_total', 'Jobs the queue did not take.', ['ecosystem']);
  readonly publishes = this.#counter('publish_total', 'Publishes, by result.', ['ecosystem', 'result']);

  constructor(options: MetricsOptions = {}) {
    if (options.process !== false) {
      collectDefaultMetrics({ register: this.registry });
    }
  }

  /** Everything in the text format of Prometheus, with its content type. */
  async text(): Promise<{ readonly contentType: string; readonly body: string }> {
    return { contentType: this.registry.contentType, body: await this.registry.metrics() };
  }

  #counter<L extends string>(name: string, help: string, labelNames: readonly L[]): Counter<L> {
    return new Counter({ name, help, labelNames: [...labelNames], registers: [this.registry] });
  }

  #gauge<L extends string>(name: string, help: string, labelNames: readonly L[]): Gauge<L> {
    return new Gauge({ name, help, labelNames: [...labelNames], registers: [this.registry] });
  }

  #histogram<L extends string>(name: string, help: string, labelNames: readonly L[], buckets: readonly number[]): Histogram<L> {
    return new Histogram({ name, help, labelNames: [...labelNames], buckets: [...buckets], registers: [this.registry] });
  }
}
