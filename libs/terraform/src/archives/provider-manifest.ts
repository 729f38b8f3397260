import { z } from 'zod';

import { ProxyError } from '@oci-package-proxy/errors';

import { MAX_PROVIDER_MANIFEST_BYTES } from './archive-limits.ts';

const HOW = 'It must be like {"version":1,"metadata":{"protocol_versions":["6.0"]}}: correct it, make SHA256SUMS and its signature again, and upload again.';
const MAX_PROTOCOLS = 32;

const Manifest = z.looseObject({
  version: z.literal(1, 'version must be 1'),
  metadata: z.looseObject(
    {
      protocol_versions: z
        .array(z.string('protocol_versions must hold texts').regex(/^(?:0|[1-9]\d{0,4})(?:\.(?:0|[1-9]\d{0,4})){0,2}$/, 'protocol_versions must hold texts like "5.0"'), 'metadata.protocol_versions must be a list')
        .min(1, 'metadata.protocol_versions is empty')
        .max(MAX_PROTOCOLS, `metadata.protocol_versions has more than ${MAX_PROTOCOLS}`),
    },
    'metadata is missing',
  ),
});

/**
 * The plugin protocols that a provider's `…_manifest.json` names, each once, like `5.0`. Where there is no manifest, registries take `["5.0"]`.
 * @throws ProxyError `unprocessable` for what is no manifest, and when clients (which take 5 and 6) could use none of them.
 */
export function protocolsIn(bytes: Buffer): string[] {
  if (bytes.length > MAX_PROVIDER_MANIFEST_BYTES) {
    throw bad(`it has ${bytes.length} bytes, and ${MAX_PROVIDER_MANIFEST_BYTES} are allowed`);
  }
  const manifest = Manifest.safeParse(jsonOf(bytes));
  if (!manifest.success) {
    throw bad(manifest.error.issues[0]?.message ?? 'it cannot be read');
  }
  const protocols = [...new Set(manifest.data.metadata.protocol_versions)];
  if (!protocols.some((protocol) => /^[56](?:\.|$)/.test(protocol))) {
    throw bad(`terraform and tofu take protocols 5 and 6, and it names only ${protocols.join(', ')}`);
  }
  return protocols;
}

function jsonOf(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch (cause) {
    throw bad('it is not JSON', cause);
  }
}

function bad(why: string, cause?: unknown): ProxyError {
  return new ProxyError('unprocessable', `The provider's manifest cannot be taken: ${why}. ${HOW}`, { cause });
}
