import { createHash } from 'node:crypto';

const STYLE = 'body{font:16px/1.5 system-ui,sans-serif;max-width:26rem;margin:4rem auto;padding:0 1rem}label,input,button{display:block;width:100%;box-sizing:border-box;font:inherit}input{margin:.2rem 0 1rem;padding:.4rem}button{padding:.5rem}.problem{color:#a00}code{overflow-wrap:anywhere}';
const STYLE_HASH = createHash('sha256').update(STYLE).digest('base64');

/** What a sign-in page shows. */
export interface LoginPage {
  /** The host that is signed in to. */
  readonly host: string;
  /** Where the code goes. */
  readonly redirectUri: string;
  /** Repeated by the form. */
  readonly parameters: Readonly<Record<string, string>>;
  readonly days: number;
  /** Filled in before. */
  readonly user: string;
  /** What went wrong with the last try; empty: nothing. */
  readonly problem: string;
}

/** The page that asks for user and password: no script, and the form's address is its own. */
export function loginPage({ host, redirectUri, parameters, days, user, problem }: LoginPage): string {
  const hidden = Object.entries(parameters).map(([name, value]) => `<input type="hidden" name="${escaped(name)}" value="${escaped(value)}">`);
  return page(`Sign in to ${host}`, [
    `<p><strong>terraform login</strong> (or <strong>tofu login</strong>) asks for a token for <strong>${escaped(host)}</strong>. It goes to <code>${escaped(redirectUri)}</code>, a program on the computer that this browser runs on, and may do all that you may, for ${days} days.</p>`,
    '<p>If you did not start it yourself just now, close this page.</p>',
    ...(problem === '' ? [] : [`<p class="problem" role="alert">${escaped(problem)}</p>`]),
    '<form method="post" autocomplete="off">',
    ...hidden,
    `<label>User<input name="user" value="${escaped(user)}" autocapitalize="none" autocomplete="username"></label>`,
    '<label>Password, or a token<input name="password" type="password" autocomplete="current-password" required></label>',
    '<button type="submit">Sign in</button>',
    '</form>',
  ]);
}

/** The page that says why there is no sign-in. */
export function failurePage(text: string): string {
  return page('No sign-in', [`<p>${escaped(text)}</p>`]);
}

/**
 * Headers of every page: nothing is loaded, framed, kept or told to others.
 * @param redirectUri browsers follow the form's answer only to where the policy lets the form go; null: there is no form.
 */
export function pageHeaders(redirectUri: string | null): Record<string, string> {
  const form = redirectUri === null ? "'none'" : `'self' ${new URL(redirectUri).origin}`;
  return {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': `default-src 'none'; style-src 'sha256-${STYLE_HASH}'; form-action ${form}; frame-ancestors 'none'; base-uri 'none'`,
    'x-frame-options': 'DENY',
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cache-control': 'no-store',
  };
}

function page(title: string, body: readonly string[]): string {
  return ['<!doctype html>', '<html lang="en"><head><meta charset="utf-8">', '<meta name="viewport" content="width=device-width">', `<title>${escaped(title)}</title><style>${STYLE}</style></head><body>`, `<h1>${escaped(title)}</h1>`, ...body, '</body></html>', ''].join('\n');
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;').replaceAll("'", '&#39;');
}
