export { defaultNpmUpstream } from './config/default-upstream.ts';
export { NPM_VARIABLES } from './config/npm-variables.ts';
export { npmMount } from './http/npm-mount.ts';
export { npmIngestCodec, type NpmIngestDependencies } from './ingest/npm-ingest-codec.ts';
export { npm } from './npm.ecosystem.ts';
export { type NpmDependencies, type NpmLogger, NpmModule, type NpmObserver, type NpmUpstreamAccess } from './npm.module.ts';
