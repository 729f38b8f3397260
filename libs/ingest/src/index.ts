export type { ChangeBus, ChangeListener, Holders, IngestCodec, IngestJob, IngestPlan, IngestQueue, PackageChange } from './ingest-port.ts';
