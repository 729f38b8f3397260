import { z } from 'zod';

const HOST = /^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::[0-9]{1,5})?$/;
const NAMESPACE = /^[\p{L}\p{N}_-]+$/u;

/** How a forge makes the archive of a commit. */
export const FORGE_KINDS = ['github', 'gitlab', 'gitea', 'bitbucket'] as const;

/** One of {@link FORGE_KINDS}. */
export type ForgeKind = (typeof FORGE_KINDS)[number];

const Host = z.string().regex(HOST, 'must be a lower-case host name, with a port where that is not 443');

const Url = z.url({ protocol: /^https?$/, error: 'must be an http:// or https:// URL' }).refine((text) => {
  const url = URL.parse(text);
  return url !== null && url.username === '' && url.password === '' && url.search === '' && url.hash === '';
}, 'must not have a user, password, query or fragment; credentials go to CONFIG_FILE.upstreams');

const Section = z.strictObject({
  /** Registries besides those of TERRAFORM_UPSTREAM_HOSTS, and where they are reached. */
  upstreams: z.record(Host, z.strictObject({ url: Url.optional() }).prefault({})).default({}),
  /** Git servers that archives of modules are taken from, where the host's name does not tell what they are. */
  forges: z.record(Host, z.enum(FORGE_KINDS)).default({}),
  /** Namespaces whose unsigned uploads are signed here, and the armored private keys, in files relative to CONFIG_FILE. */
  signing: z.record(z.string().regex(NAMESPACE, 'must be a namespace'), z.strictObject({ keyFile: z.string().min(1), passphraseFile: z.string().min(1).optional() })).default({}),
  /** Whether provider versions also carry the tags and annotations of the original project. */
  originalAnnotations: z.boolean().default(false),
  /** How long a link to a file is good for, at least, in seconds. */
  linkSeconds: z.int().min(60).max(86_400).default(900),
  /** How long a token that `terraform login` gets is good for, in days. */
  loginDays: z.int().min(1).max(3650).default(90),
});

/** What CONFIG_FILE says below `ecosystems.terraform`. */
export const TERRAFORM_SECTION = Section.prefault({});

/** {@link TERRAFORM_SECTION}, read. */
export type TerraformSection = z.output<typeof TERRAFORM_SECTION>;
