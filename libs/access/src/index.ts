export type { Access, Action, Principal, TokenInfo, Tokens, TokenScope } from './access-port.ts';
export type { AccessLogger } from './access-logger.ts';
export { ACCESS_SECTIONS, type AccessRule, type AccessRules } from './access-rules.ts';
export { AccessService, type AccessParts } from './access-service.ts';
export { type AccessOptions, createAccess } from './create-access.ts';
export type { PassThrough, PassThroughPlace } from './pass-through.ts';
export { packageMatcher } from './package-pattern.ts';
export type { TokenLedger } from './token-records.ts';
export { TokenStore, type TokenStoreParts } from './token-store.ts';
