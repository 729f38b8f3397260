import { z } from 'zod';

import { ACTIONS } from './actions.ts';
import { isPattern, MAX_PATTERN_LENGTH } from './package-pattern.ts';

const USER = /^[^\s:*][^\p{Cc}:]{0,254}$/u;
const TOKEN = /^token:[0-9a-z]{16}$/;

/** Somebody whom a rule speaks of: a user name, `token:<id>`, `authenticated` or `*`. */
const Who = z.string().refine((text) => text === '*' || TOKEN.test(text) || USER.test(text), 'must be a user name, token:<id>, authenticated or *');

const Pattern = z.string().refine(isPattern, `must be a glob of package names of at most ${MAX_PATTERN_LENGTH} characters; a rule can only allow, so it cannot begin with !`);

/** One rule: who may do what to which packages. */
const AccessRule = z
  .strictObject({
    who: z.union([Who, z.array(Who).min(1)], 'must be a user name, token:<id>, authenticated or *, or a list of them').transform(listOf),
    may: z.array(z.enum(ACTIONS, `must be one of ${ACTIONS.join(', ')}`)).min(1, 'must name an action'),
    ecosystem: z.string().regex(/^(?:\*|[a-z0-9]+)$/, 'must be the name of an ecosystem, or *').default('*'),
    packages: z.array(Pattern).min(1, 'must have a pattern').default(['**']),
  })
  .refine(({ who, may }) => !who.includes('*') || may.every((action) => action === 'read'), {
    path: ['who'],
    message: '* means everybody, who may only read; say authenticated for everything else',
  });

/** One rule of CONFIG_FILE. */
export type AccessRule = Readonly<z.output<typeof AccessRule>>;

/** The rules of CONFIG_FILE. They only ever allow, so their order does not matter. */
export type AccessRules = readonly AccessRule[];

/** The section `access` of CONFIG_FILE, for the `configFile` of `loadConfig`; null: no rules, so the defaults count. */
export const ACCESS_SECTIONS = { access: z.array(AccessRule).nullable().default(null) };

/** What counts without rules. */
export const DEFAULT_RULES: AccessRules = [
  { who: ['*'], may: ['read'], ecosystem: '*', packages: ['**'] },
  { who: ['authenticated'], may: ['read', 'publish', 'delete'], ecosystem: '*', packages: ['**'] },
];

function listOf(given: string | string[]): string[] {
  return Array.isArray(given) ? given : [given];
}
