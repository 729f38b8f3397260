import type { SampleMember } from './sample-archive.contract.ts';

/** A zip, and what Go 1.26 says of it. */
export interface HashedSample {
  readonly what: string;
  readonly members: readonly SampleMember[];
  /** HashDir(…, Hash1) of what go-getter unpacks it to. */
  readonly h1: string;
  /** HashZip(…, Hash1). */
  readonly h1OfZip: string;
}

/** Made once with dirhash of Go's mod module 0.35.0 and with go-getter 1.8.6, which is what OpenTofu 1.12.6 has. */
export const HASHED_SAMPLES: readonly HashedSample[] = [
  {
    what: 'flat',
    members: [{ name: 'terraform-provider-demo_v1.0.0', content: '#!/bin/sh\n', mode: 0o100755 }, { name: 'README.md', content: '# demo\n' }, { name: 'LICENSE', content: '' }],
    h1: 'h1:LPqPv5U75vTTpahQ3Sceexqdh3R/b0MLGcJT0w/wZJU=',
    h1OfZip: 'h1:LPqPv5U75vTTpahQ3Sceexqdh3R/b0MLGcJT0w/wZJU=',
  },
  {
    what: 'with directory entries',
    members: [{ name: 'docs/', mode: 0o040755 }, { name: 'docs/a.md', content: 'a' }, { name: 'empty/', mode: 0o040755 }, { name: 'terraform-provider-demo', content: 'x', mode: 0o100755 }],
    h1: 'h1:7rj5Mjg5VAR2AtljE+HJv4doNSaIcXV2JWe6tpvwku4=',
    h1OfZip: 'h1:1DAAqUlziY+pTDW4EfkF001tpN/3k1BsKchJL4BQp5E=',
  },
  {
    what: 'whose names sort by bytes, not by UTF-16 units or letters',
    members: [{ name: '\u{1F600}', content: '1' }, { name: '\uFF5E', content: '2' }, { name: 'Z', content: '4' }, { name: 'é', content: '5' }, { name: 'a-b', content: '6' }, { name: 'a/b', content: '7 8' }, { name: 'a.b', content: '9' }],
    h1: 'h1:rTm+s1i1NLDhaA0PH8QxYm50T3tC1IClIyDAXG1EH0s=',
    h1OfZip: 'h1:rTm+s1i1NLDhaA0PH8QxYm50T3tC1IClIyDAXG1EH0s=',
  },
  {
    what: 'with a name twice',
    members: [{ name: 'a', content: 'first' }, { name: 'b', content: 'b' }, { name: 'a', content: 'second' }],
    h1: 'h1:4drkj911mDzY702ivqfyY1vyGA6bYbFLQ7p104yH8Y4=',
    h1OfZip: 'h1:5Hvf4eBJUL3AewbExIxkSXoTU11YfnybTCyoNN8fyh8=',
  },
  {
    what: 'with names that are no UTF-8',
    members: [{ name: Buffer.from([0x66, 0xfc, 0x72]), content: 'latin', declared: { flags: 0 } }, { name: 'z', content: 'z' }],
    h1: 'h1:SxWXzl693QzInOZrvTfZ2WiEhFoRt8jIonBb3KcUPXo=',
    h1OfZip: 'h1:SxWXzl693QzInOZrvTfZ2WiEhFoRt8jIonBb3KcUPXo=',
  },
  {
    what: 'with paths that are not as short as can be',
    members: [{ name: './a', content: 'a' }, { name: 'b//c', content: 'c' }, { name: 'd/./e', content: 'e' }],
    h1: 'h1:3FDyxecEjYoffDmsziUDwSPW41AcCOcVUQRKwJcuSVE=',
    h1OfZip: 'h1:x4qKxOOL1VmPx1mT5FF6WajJ7j3NcWz1q5XrkGXiUKs=',
  },
  {
    what: 'with a symbolic link',
    members: [{ name: 'a', content: 'a' }, { name: 'link', content: 'a', mode: 0o120777 }],
    h1: 'h1:/JMj23xg82PgVQjJOYM2G5/ytJSASB+oM+i+9un0K0M=',
    h1OfZip: 'h1:/JMj23xg82PgVQjJOYM2G5/ytJSASB+oM+i+9un0K0M=',
  },
  {
    what: 'with a file of some pieces',
    members: [{ name: 'big', content: Buffer.alloc(3 * 2 ** 20, 'piece') }, { name: 'stored', content: Buffer.alloc(300_000, 'x'), stored: true }],
    h1: 'h1:AFdPck6kvIA2gH7Lw1c606Hx+eRZVGVQMTIzC7NG1fU=',
    h1OfZip: 'h1:AFdPck6kvIA2gH7Lw1c606Hx+eRZVGVQMTIzC7NG1fU=',
  },
];
