import { type DynamicModule, Module } from '@nestjs/common';
import type { Ecosystem } from '@oci-package-proxy/platform';

/** What the public port serves. */
@Module({})
export class AppModule {
  static register(ecosystems: readonly Ecosystem[]): DynamicModule {
    return { module: AppModule, imports: ecosystems.map(({ module }) => module) };
  }
}

/** What works in the background. */
@Module({})
export class IngestAppModule {
  static register(ingest: DynamicModule): DynamicModule {
    return { module: IngestAppModule, imports: [ingest] };
  }
}
