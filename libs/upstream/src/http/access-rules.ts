/** A credential for an upstream. */
export type UpstreamCredential =
  | { readonly kind: 'basic'; readonly username: string; readonly password: string }
  | { readonly kind: 'bearer'; readonly token: string };

/** How what lies below a URL is reached. */
export interface AccessRule {
  /** The credential goes only to this scheme, host and port, and only below this path. */
  readonly url: string;
  readonly credential: UpstreamCredential | null;
  /** PEM of a CA that is trusted, beside the machine's, for the whole origin. */
  readonly ca: string | null;
}

interface Parsed {
  readonly url: string;
  readonly origin: string;
  readonly path: string;
  readonly authorization: string | null;
  readonly ca: string | null;
}

// Some servers undo these before they look at the path: below the prefix it is then not.
const ENCODED_CLIMB = /(?:%2f|%5c)(?:\.|%2e){2}/i;

/** Whether one of two URLs lies below the other, or is the other. */
export function areNested(one: string, other: string): boolean {
  const [left, right] = [new URL(one), new URL(other)];
  return left.origin === right.origin && (isBelow(left.pathname, right.pathname) || isBelow(right.pathname, left.pathname));
}

/** Finds the credential and the CA for a URL. */
export class AccessRules {
  readonly #rules: readonly Parsed[];
  readonly #mayUse: (ruleUrl: string) => boolean;

  /** @param mayUse whether the credential of a rule, known by its URL, may be shown at all; asked at every request. */
  constructor(rules: readonly AccessRule[], mayUse: (ruleUrl: string) => boolean = () => true) {
    this.#rules = rules.map(parse).sort((left, right) => right.path.length - left.path.length);
    this.#mayUse = mayUse;
  }

  /** The value of the `authorization` header for `url`: of the longest matching prefix; `null` for none. */
  authorizationFor(url: URL): string | null {
    if (ENCODED_CLIMB.test(url.pathname)) {
      return null;
    }
    const rule = this.#rules.find(({ authorization, origin, path }) => authorization !== null && origin === url.origin && isBelow(url.pathname, path));
    return rule === undefined || !this.#mayUse(rule.url) ? null : rule.authorization;
  }

  /** The PEM to trust for the origin of `url`, or `null`. */
  caFor(url: URL): string | null {
    return this.#rules.find((rule) => rule.ca !== null && rule.origin === url.origin)?.ca ?? null;
  }
}

function parse(rule: AccessRule): Parsed {
  const url = new URL(rule.url);
  return { url: rule.url, origin: url.origin, path: url.pathname, authorization: authorizationOf(rule.credential), ca: rule.ca };
}

function isBelow(path: string, prefix: string): boolean {
  return path === prefix || path.startsWith(prefix.endsWith('/') ? prefix : `${prefix}/`);
}

function authorizationOf(credential: UpstreamCredential | null): string | null {
  if (credential === null) {
    return null;
  }
  if (credential.kind === 'bearer') {
    return `Bearer ${credential.token}`;
  }
  return `Basic ${Buffer.from(`${credential.username}:${credential.password}`).toString('base64')}`;
}
