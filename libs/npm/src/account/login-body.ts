import { z } from 'zod';

import { ProxyError } from '@oci-package-proxy/errors';

const LoginBody = z.looseObject({ name: z.string().min(1), password: z.string().min(1) });

const TokenBody = z.looseObject({
  password: z.string().nullish(),
  name: z.string().nullish(),
  description: z.string().nullish(),
  token_description: z.string().nullish(),
  readonly: z.boolean().nullish(),
  cidr_whitelist: z.array(z.string()).nullish(),
  cidr: z.array(z.string()).nullish(),
  expires: z.union([z.number(), z.string()]).nullish(),
  packages: z.array(z.string()).nullish(),
  scopes: z.array(z.string()).nullish(),
  packages_all: z.boolean().nullish(),
  packages_and_scopes_permission: z.string().nullish(),
});

/** What `npm token create` sends, in any of its versions. */
export type TokenBody = z.output<typeof TokenBody>;

/** Name and password in the body of a couch login. @throws ProxyError `invalid`. */
export function loginBody(body: unknown): { readonly name: string; readonly password: string } {
  const parsed = LoginBody.safeParse(body);
  if (!parsed.success) {
    throw new ProxyError('invalid', 'Signing in takes a JSON object with name and password.');
  }
  return parsed.data;
}

/** The wishes for a new token. @throws ProxyError `invalid`. */
export function tokenBody(body: unknown): TokenBody {
  const parsed = TokenBody.safeParse(body ?? {});
  if (!parsed.success) {
    throw new ProxyError('invalid', `The wishes for a new token cannot be understood: ${parsed.error.issues[0]?.path.join('.') ?? 'the body'}.`);
  }
  return parsed.data;
}
