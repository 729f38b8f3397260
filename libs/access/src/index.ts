export type { Access, Action, Principal, TokenInfo, Tokens, TokenScope } from './access-port.ts';
export { type AccessOptions, createAccess } from './create-access.ts';
export type { AccessLogger } from './logger.ts';
export { ACCESS_SECTIONS, type AccessRule, packageMatcher } from './rules.ts';
