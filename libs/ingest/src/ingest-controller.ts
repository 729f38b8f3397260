import { Controller, Inject, type Type, UseFilters } from '@nestjs/common';
import { Ctx, EventPattern, Payload } from '@nestjs/microservices';

import { IngestErrorFilter } from './ingest-error-filter.ts';
import { ingestPattern } from './job/pattern.ts';
import { IngestContext } from './transport/ingest-context.ts';

/** Injection token of the {@link IngestRunner} that {@link createIngestController}'s classes call. */
export const INGEST_USE_CASE = Symbol('ingest use case');

/** Does a job; `IngestUseCase` is the real one. */
export interface IngestRunner {
  run(job: unknown, signal?: AbortSignal): Promise<unknown>;
}

/** The controller that takes the jobs of `ecosystem`. Its module must provide {@link INGEST_USE_CASE}. */
export function createIngestController(ecosystem: string): Type {
  @Controller()
  @UseFilters(IngestErrorFilter)
  class IngestController {
    readonly #runner: IngestRunner;

    constructor(@Inject(INGEST_USE_CASE) runner: IngestRunner) {
      this.#runner = runner;
    }

    @EventPattern<string>(ingestPattern(ecosystem))
    async run(@Payload() job: unknown, @Ctx() context: IngestContext): Promise<void> {
      await this.#runner.run(job, context.signal);
    }
  }
  return IngestController;
}
