import type { Access, Tokens } from '@oci-package-proxy/access';
import type { Gate } from '@oci-package-proxy/platform';

import type { LoginCodes } from './login-codes.ts';

/** What signing in needs. */
export interface LoginOptions {
  readonly access: Pick<Access, 'authenticate'>;
  readonly gate: Pick<Gate, 'addressOf'>;
  readonly tokens: Pick<Tokens, 'signIn'>;
  readonly codes: LoginCodes;
  /** The host of what is published here. */
  readonly own: string;
  /** How long a token is good for. */
  readonly days: number;
  /** Whether anybody can sign in, and tokens can be stored. */
  readonly enabled: boolean;
  /** Milliseconds since the epoch. */
  readonly clock?: () => number;
}
