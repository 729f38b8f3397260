export type { Change, DerivedIndex, DerivedOutcome, IngestOutcome, LedgerCall, LedgerIngester, LedgerPort, LedgerPublisher, LedgerReader, PublishOutcome } from './ledger-port.ts';
export { Ledger, type LedgerOptions } from './ledger.ts';
export type { LedgerEvent } from './event.ts';
export type { ChildPlatform, Fact, NewChild, NewFact, NewIndex, NewLayer } from './fact.ts';
export { EMPTY_FOLD, type Fold, type FoldValue, isDeletedIn } from './fold.ts';
export type { ChangeSink, JsonValue, LedgerLogger, Origin, PackageRef } from './package-ref.ts';
export { ANNOTATION_PREFIX, MEDIA_TYPE_PREFIX } from './vendor.ts';
