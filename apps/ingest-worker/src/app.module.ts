import { type DynamicModule, Module } from '@nestjs/common';

/** The ingest worker. */
@Module({})
export class AppModule {
  static register(ingest: DynamicModule): DynamicModule {
    return { module: AppModule, imports: [ingest] };
  }
}
