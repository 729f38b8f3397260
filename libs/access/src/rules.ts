import picomatch from 'picomatch';
import { z } from 'zod';

import type { Action, Principal } from './access-port.ts';

/** Every {@link Action}, weakest first. */
export const ACTIONS = ['read', 'publish', 'delete', 'admin'] as const satisfies readonly Action[];

const Rule = z.strictObject({
  /** A user's name, `token:<id>`, `authenticated` for everybody who signed in, or `*` for anonymous callers too. */
  who: z.string().min(1),
  may: z.array(z.enum(ACTIONS)).min(1),
  ecosystem: z.string().min(1).default('*'),
  /** Globs. `*` stops at a slash: `*` is every unscoped name, `@acme/*` every name in a scope, `**` every name. */
  packages: z.array(z.string().min(1)).min(1).default(['**']),
});

/** The section of CONFIG_FILE with the access rules; null when it is not there. */
export const ACCESS_SECTIONS = { access: z.array(Rule).nullable().default(null) };

/** One access rule: who may do what to which packages. */
export type AccessRule = z.output<typeof Rule>;

/** What something is to be done to; package null: to none in particular. */
export interface Subject {
  readonly ecosystem: string;
  readonly package: string | null;
}

/** Says whether one of the rules lets `principal` do `action`; `admin` lets everything. Rules only ever allow. */
export type RuleCheck = (principal: Principal, action: Action, subject: Subject) => boolean;

/** Compiles rules, once. */
export function compileRules(rules: readonly AccessRule[]): RuleCheck {
  const compiled = rules.map((rule) => ({ rule, matches: packageMatcher(rule.packages) }));
  return (principal, action, subject) =>
    compiled.some(
      ({ rule, matches }) =>
        isMeant(rule.who, principal) && allows(rule.may, action) && coversEcosystem(rule.ecosystem, subject) && (subject.package === null || matches(subject.package)),
    );
}

/** A test for names against globs in which `@`, `!` and brackets after them mean themselves. */
export function packageMatcher(patterns: readonly string[]): (name: string) => boolean {
  return picomatch([...patterns], { dot: true, noextglob: true, nonegate: true });
}

/** Whether a list of actions lets `action` be done. */
export function allows(actions: readonly Action[], action: Action): boolean {
  return actions.includes(action) || actions.includes('admin');
}

/** Whether `ecosystem`, or `*`, covers the subject's. */
export function coversEcosystem(ecosystem: string, subject: Subject): boolean {
  return ecosystem === '*' || ecosystem === subject.ecosystem;
}

function isMeant(who: string, principal: Principal): boolean {
  if (who === '*') {
    return true;
  }
  if (principal.kind === 'anonymous') {
    return false;
  }
  return who === 'authenticated' || who === principal.name || (principal.tokenId !== null && who === `token:${principal.tokenId}`);
}
