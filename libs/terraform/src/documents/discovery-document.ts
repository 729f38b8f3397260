/** Where the services are: absolute paths, or URLs. */
export interface DiscoveryPaths {
  /** Each ends in a slash, else clients drop its last part; null: not offered. */
  readonly providers: string | null;
  readonly modules: string | null;
  /** Null: `terraform login` is not offered. */
  readonly login: { readonly authorize: string; readonly token: string } | null;
}

/** What `terraform login` calls itself. */
export const LOGIN_CLIENT = 'terraform-cli';
/** Ports on which it may listen for the answer. Clients take the second one as the first that is too high. */
export const LOGIN_PORTS = [10_000, 10_010] as const;

/** `/.well-known/terraform.json`: https://developer.hashicorp.com/terraform/internals/remote-service-discovery */
export function discoveryDocument({ providers, modules, login }: DiscoveryPaths): object {
  return {
    ...(providers !== null && { 'providers.v1': providers }),
    ...(modules !== null && { 'modules.v1': modules }),
    ...(login !== null && {
      'login.v1': { client: LOGIN_CLIENT, grant_types: ['authz_code'], authz: login.authorize, token: login.token, ports: LOGIN_PORTS },
    }),
  };
}
