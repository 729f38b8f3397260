export { type Collection, type CollectReport, collectGarbage, collectText } from './collecting.ts';
export { type Copying, type CopyReport, copy, copyText } from './copying.ts';
export type { PackageLocator } from './holding.ts';
export { bytesText, countText } from './progress.ts';
export { reindex, type Reindexing, type ReindexReport, reindexText } from './reindexing.ts';
export type { CheckCounts, Problem, TagKind } from './repository-check.ts';
export type { CopyCounts, CopyProblem } from './repository-copy.ts';
export type { NamedPackage, Scope } from './scope.ts';
export { countsText, type Verification, verify, type VerifyReport } from './verifying.ts';
