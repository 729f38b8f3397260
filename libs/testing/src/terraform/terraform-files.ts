/** How providers are installed. */
export type InstallationMethod =
  | { readonly kind: 'direct'; readonly include?: readonly string[]; readonly exclude?: readonly string[] }
  | { readonly kind: 'network_mirror'; readonly url: string; readonly include?: readonly string[]; readonly exclude?: readonly string[]; readonly trustAllHashes?: boolean }
  | { readonly kind: 'filesystem_mirror'; readonly path: string; readonly include?: readonly string[] }
  | { readonly kind: 'oci_mirror'; readonly template: string; readonly include: readonly string[] };

/** What is in a CLI configuration. */
export interface CliConfig {
  /** Tokens by host. */
  readonly credentials?: Readonly<Record<string, string>>;
  /** Services by host, in place of its discovery document. */
  readonly hosts?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly installation?: readonly InstallationMethod[];
}

/** Text of a CLI configuration (`.terraformrc`). */
export function cliConfig(config: CliConfig): string {
  const credentials = Object.entries(config.credentials ?? {}).map(([host, token]) => `credentials ${text(host)} {\n  token = ${text(token)}\n}\n`);
  const hosts = Object.entries(config.hosts ?? {}).map(([host, services]) => {
    const lines = Object.entries(services).map(([service, url]) => `    ${text(service)} = ${text(url)}\n`);
    return `host ${text(host)} {\n  services = {\n${lines.join('')}  }\n}\n`;
  });
  const methods = config.installation === undefined ? [] : [`provider_installation {\n${config.installation.map(methodBlock).join('')}}\n`];
  return [...credentials, ...hosts, ...methods].join('\n');
}

/** Text of a configuration that needs providers and modules. */
export function rootModule(needs: {
  /** Source address and version constraint by local name. */
  readonly providers?: Readonly<Record<string, { readonly source: string; readonly version?: string }>>;
  readonly modules?: Readonly<Record<string, { readonly source: string; readonly version?: string }>>;
  /** Further text. */
  readonly body?: string;
}): string {
  const providers = Object.entries(needs.providers ?? {}).map(([name, { source, version }]) => `    ${name} = {\n      source = ${text(source)}\n${versionLine('      ', version)}    }\n`);
  const required = providers.length === 0 ? '' : `terraform {\n  required_providers {\n${providers.join('')}  }\n}\n`;
  const modules = Object.entries(needs.modules ?? {}).map(([name, { source, version }]) => `module ${text(name)} {\n  source = ${text(source)}\n${versionLine('  ', version)}}\n`);
  return [required, ...modules, needs.body ?? ''].filter((part) => part !== '').join('\n');
}

function methodBlock(method: InstallationMethod): string {
  const lines: string[] = [];
  if ('include' in method && method.include !== undefined) {
    lines.push(`include = ${list(method.include)}`);
  }
  if ('exclude' in method && method.exclude !== undefined) {
    lines.push(`exclude = ${list(method.exclude)}`);
  }
  switch (method.kind) {
    case 'direct':
      break;
    case 'network_mirror':
      lines.push(`url = ${text(method.url)}`, ...(method.trustAllHashes === true ? ['trust_all_hashes = true'] : []));
      break;
    case 'filesystem_mirror':
      lines.push(`path = ${text(method.path)}`);
      break;
    case 'oci_mirror':
      // Its placeholders are the client's to fill in.
      lines.push(`repository_template = "${method.template}"`);
      break;
  }
  return `  ${method.kind} {\n${lines.map((line) => `    ${line}\n`).join('')}  }\n`;
}

function versionLine(indent: string, version: string | undefined): string {
  return version === undefined ? '' : `${indent}version = ${text(version)}\n`;
}

function list(texts: readonly string[]): string {
  return `[${texts.map(text).join(', ')}]`;
}

function text(value: string): string {
  return JSON.stringify(value);
}
