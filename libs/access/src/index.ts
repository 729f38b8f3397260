export type { Access, Action, Principal, TokenInfo, Tokens, TokenScope } from './access-port.ts';
