import { isLoopback } from '@oci-package-proxy/platform';

/**
 * Lines to paste that point pip, uv and twine at an index.
 * @param base URL of the index, without a slash at its end.
 * @param token one that may upload; null: there is none to be shown.
 */
export function clientHints(base: string, token: string | null): string[] {
  const { protocol, hostname, host } = new URL(base);
  // pip takes nothing from another machine without TLS unless it is told to.
  const isDistrusted = protocol === 'http:' && !isLoopback(hostname.replaceAll(/[[\]]/g, ''));
  return [
    `pip config set global.index-url ${base}/simple/`,
    ...(isDistrusted ? [`pip config set global.trusted-host ${host}`] : []),
    `export UV_DEFAULT_INDEX=${base}/simple/`,
    ...(token === null ? [] : [
      `export TWINE_REPOSITORY_URL=${base}/legacy/ TWINE_USERNAME=__token__ TWINE_PASSWORD=${token}`,
      `export UV_PUBLISH_URL=${base}/legacy/ UV_PUBLISH_TOKEN=${token}`,
    ]),
  ];
}
