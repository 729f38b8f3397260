import { type DynamicModule, Module } from '@nestjs/common';
import type { Ecosystem } from '@oci-package-proxy/platform';

/** The terraform front end. */
@Module({})
export class AppModule {
  static register(ecosystems: readonly Ecosystem[]): DynamicModule {
    return { module: AppModule, imports: ecosystems.map(({ module }) => module) };
  }
}
