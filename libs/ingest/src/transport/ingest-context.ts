import { BaseRpcContext } from '@nestjs/microservices';

/** What a handler gets beside the job. */
export class IngestContext extends BaseRpcContext<[pattern: string, attempt: number, signal: AbortSignal]> {
  get pattern(): string {
    return this.args[0];
  }

  /** 1 for the first try. */
  get attempt(): number {
    return this.args[1];
  }

  /** Aborted when the process cannot wait any longer; the job is tried again elsewhere. */
  get signal(): AbortSignal {
    return this.args[2];
  }
}
