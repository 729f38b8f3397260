import { isLoopback } from '@oci-package-proxy/platform';

/** Where clients find us. */
export interface HintOptions {
  /** `https://…`, without a slash at its end; null: there is no HTTPS, which clients insist on. */
  readonly origin: string | null;
  /** Path prefix: `''`, or like `/terraform`. */
  readonly prefix: string;
  /** Path of the API for publishing. */
  readonly api: string;
  /** The host of what is published here. */
  readonly own: string;
  /** Registries that are pulled through. */
  readonly upstreams: readonly string[];
  /** Of a certificate authority that was made here; null: another one's. */
  readonly caFile: string | null;
  /** One that may publish; null: there is none to be shown. */
  readonly token: string | null;
}

const NO_HTTPS = 'Terraform and OpenTofu take nothing but HTTPS: set TLS_PORT, TLS_CERT_FILE and TLS_KEY_FILE, or PUBLIC_URL to an https:// address that leads here.';

/** Lines to paste that point Terraform and OpenTofu at a registry. */
export function clientHints({ origin, prefix, api, own, upstreams, caFile, token }: HintOptions): string[] {
  if (origin === null) {
    return [NO_HTTPS];
  }
  const at = named(origin);
  const { host } = new URL(at);
  // On loopback nobody said what this server is called: it is what it is asked as.
  const source = isLoopback(own) ? host : own;
  const curl = `curl ${caFile === null ? '' : `--cacert ${caFile} `}-H 'Authorization: Bearer ${token ?? ''}'`;
  const settings = [
    ...(token === null ? [] : [`credentials "${source}" { token = "${token}" }`]),
    ...upstreams.map((upstream) => `host "${upstream}" { services = { "providers.v1" = "${at}${prefix}/upstream/${upstream}/providers/v1/", "modules.v1" = "${at}${prefix}/upstream/${upstream}/modules/v1/" } }`),
  ];
  return [
    ...(caFile === null ? [] : [`export SSL_CERT_FILE=${caFile}`]),
    ...settings.map((line) => `echo '${line}' >> ~/.terraformrc   # OpenTofu: ~/.tofurc`),
    `# what is published here: source = "${source}/<namespace>/<type>"; a network mirror for providers: ${at}${prefix}/mirror/`,
    ...(token === null ? [] : [
      `${curl} --data-binary @key.asc ${at}${api}/keys/<namespace>`,
      `${curl} -F 1=@<zip> -F 2=@<SHA256SUMS> -F 3=@<SHA256SUMS.sig> ${at}${api}/providers/<namespace>/<type>/<version>`,
      `${curl} -T <zip or tar.gz> ${at}${api}/modules/<namespace>/<name>/<system>/<version>`,
    ]),
  ];
}

/** Addresses of modules need the name of a host, and certificates are rarely made for numbers. */
function named(origin: string): string {
  const url = new URL(origin);
  if (isLoopback(url.hostname.replaceAll(/[[\]]/g, ''))) {
    url.hostname = 'localhost';
  }
  return url.origin + url.pathname.replace(/\/+$/, '');
}
