import { ProxyError } from '@oci-package-proxy/errors';
import type { ExpectedContent } from '@oci-package-proxy/oci';

/** What an archive must be, as far as its address says; lower-case hex, at most one of them. */
export type ArchiveChecksum = Pick<ExpectedContent, 'sha256' | 'sha512' | 'sha1' | 'md5'>;

/** What go-getter reads out of the query of an archive's URL, and never sends. */
export interface ArchiveQuery {
  readonly checksum: ArchiveChecksum;
  /** The query without it, every other byte as it was: it may be signed. */
  readonly rest: string;
}

/** Of what go-getter unpacks: what can be read here too. By its first bytes it is seen which of them it is. */
const READABLE: ReadonlySet<string> = new Set(['zip', 'tar.gz', 'tgz']);
const SUFFIX = /\.((?:tar\.)?(?:gz|xz|bz2)|tar\.tbz2|tgz|txz|tbz2|zip)$/i;
const OWN = /^(?:archive|checksum)(?:=|$)/;
const LENGTHS = { sha256: 64, sha512: 128, sha1: 40, md5: 32 } as const;

/**
 * Reads and removes `archive` and `checksum`: go-getter's "URL format".
 * @throws ProxyError `unsupported` for archives of a kind, and checksums, that cannot be read here.
 */
export function archiveQuery({ pathname, search, searchParams }: URL): ArchiveQuery {
  const kind = (searchParams.get('archive') ?? SUFFIX.exec(pathname)?.[1] ?? '').toLowerCase();
  if (SUFFIX.test(`.${kind}`) && !READABLE.has(kind)) {
    throw new ProxyError('unsupported', `The module is an archive of the kind ${kind} at upstream, and only zip and tar.gz are read here. Take it from its own source address, or publish it here.`);
  }
  const kept = search.slice(1).split('&').filter((pair) => !OWN.test(pair));
  return { checksum: checksumOf(searchParams.get('checksum') ?? ''), rest: kept.join('&') };
}

function checksumOf(text: string): ArchiveChecksum {
  if (text === '') {
    return {};
  }
  const [, type, hex = ''] = /^(?:([^:]*):)?(.*)$/s.exec(text) ?? [];
  const algorithm = (Object.keys(LENGTHS) as (keyof typeof LENGTHS)[]).find((known) => hex.length === LENGTHS[known] && (type === undefined || type.toLowerCase() === known));
  if (algorithm === undefined || !/^[0-9a-f]+$/i.test(hex)) {
    throw new ProxyError('unsupported', 'The address that upstream has for this module has a checksum that cannot be read here. Take it from its own source address, or publish it here.');
  }
  return { [algorithm]: hex.toLowerCase() };
}
