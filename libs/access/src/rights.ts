import type { Action, Principal, TokenScope } from './access-port.ts';
import type { AccessRules } from './access-rules.ts';
import type { Grants } from './grants.ts';
import { allows } from './actions.ts';
import { covers, EVERY_PACKAGE, packageMatcher } from './package-pattern.ts';

/** What somebody wants to act on. */
export interface Subject {
  readonly ecosystem: string;
  /** Null: no certain package. To read, somebody then needs a right to some package; for the rest, to every one. */
  readonly package: string | null;
}

/** Whoever has not signed in. */
export const ANONYMOUS: Principal = { kind: 'anonymous', name: 'anonymous', tokenId: null };

interface Rule {
  readonly who: ReadonlySet<string>;
  readonly may: readonly Action[];
  readonly ecosystem: string;
  readonly packages: readonly string[];
  readonly matches: (name: string) => boolean;
}

/** Decides by rules who may do what. Tokens have of their owner's rights what their scope leaves. */
export class Rights {
  readonly #rules: readonly Rule[];
  readonly #anonymousRead: boolean;
  readonly #grants: Grants;

  constructor(rules: AccessRules, anonymousRead: boolean, grants: Grants) {
    this.#rules = rules.map((rule) => ({ ...rule, who: new Set(rule.who), matches: packageMatcher(rule.packages) }));
    this.#anonymousRead = anonymousRead;
    this.#grants = grants;
  }

  /** Whether `principal` may, by the rules. */
  may(principal: Principal, action: Action, subject: Subject): boolean {
    switch (principal.kind) {
      case 'admin':
        return true;
      case 'anonymous':
        // Whatever a rule says: nobody writes without having signed in.
        return action === 'read' && this.#anonymousRead && this.#allowed(['*'], action, subject);
      case 'user':
        return this.#allowed(namesOf(principal), action, subject);
      case 'token':
        return this.#tokenMay(principal, action, subject);
      case 'registry':
        // Names of two lists could mean two people: rules speak of the accounts here, and of everybody.
        return this.may(ANONYMOUS, action, subject);
    }
  }

  /** Whether `principal` may do everything that is in `scope`. Says no where the patterns do not show it. */
  mayGive(principal: Principal, scope: TokenScope): boolean {
    if (principal.kind === 'admin') {
      return true;
    }
    if (principal.kind === 'anonymous' || principal.kind === 'registry') {
      return false;
    }
    const token = this.#grants.tokenOf(principal);
    if (principal.kind === 'token' && token?.isFull !== true) {
      return false;
    }
    if (token?.ownerKind === 'admin') {
      return true;
    }
    const names = namesOf(principal);
    return scope.actions.every((action) => {
      const rules = this.#rules.filter((rule) => concerns(rule, names, action, scope.ecosystem));
      return scope.packages.every((narrow) => rules.some((rule) => rule.packages.some((wide) => covers(wide, narrow))));
    });
  }

  #tokenMay(principal: Principal, action: Action, subject: Subject): boolean {
    const token = this.#grants.tokenOf(principal);
    if (token === null) {
      return false;
    }
    const { scope } = token.info;
    const inEcosystem = scope.ecosystem === '*' || scope.ecosystem === subject.ecosystem;
    const inScope = allows(scope.actions, action) && inEcosystem && reaches({ packages: scope.packages, matches: token.matches }, action, subject);
    return inScope && (token.ownerKind === 'admin' || this.#allowed(namesOf(principal), action, subject));
  }

  #allowed(names: readonly string[], action: Action, subject: Subject): boolean {
    return this.#rules.some((rule) => concerns(rule, names, action, subject.ecosystem) && reaches(rule, action, subject));
  }
}

/** The names by which rules may mean `principal`. */
function namesOf({ kind, name, tokenId }: Principal): string[] {
  return [name, 'authenticated', '*', ...(kind === 'token' ? [`token:${tokenId}`] : [])];
}

function concerns(rule: Rule, names: readonly string[], action: Action, ecosystem: string): boolean {
  return allows(rule.may, action) && (rule.ecosystem === '*' || rule.ecosystem === ecosystem) && names.some((name) => rule.who.has(name));
}

function reaches({ packages, matches }: Pick<Rule, 'packages' | 'matches'>, action: Action, subject: Subject): boolean {
  if (subject.package !== null) {
    return matches(subject.package);
  }
  return action === 'read' || packages.includes(EVERY_PACKAGE);
}
