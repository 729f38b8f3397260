import type { StorageAccessConfig } from './config-file.ts';
import type { Problems } from './problems.ts';
import type { PlatformVariables } from './variables.ts';

/** What the checks need besides the variables. */
export interface CombinationContext {
  readonly standalone: boolean;
  readonly loopback: boolean;
  readonly port: number;
  readonly tlsPort: number | null;
  readonly metricsPort: number | null;
}

/** Finds variables that are missing or contradict one another. */
export function checkCombinations(variables: PlatformVariables, context: CombinationContext, problems: Problems): void {
  if (!context.standalone) {
    requireAll(variables, ['STORAGE_URL', 'QUEUE_URL', 'SECRET_KEY'], problems);
  }
  if (!context.loopback) {
    beyondLoopback(variables, problems);
  }
  together(variables, 'TLS_CERT_FILE', 'TLS_KEY_FILE', problems);
  together(variables, 'STORAGE_USERNAME', 'STORAGE_PASSWORD', problems);
  if (variables.STORAGE_URL?.startsWith('layout:') === true && variables.STORAGE_USERNAME !== undefined) {
    problems.add('STORAGE_USERNAME', 'a layout directory takes no user; remove it, or set STORAGE_URL to a registry');
  }
  if (variables.REGISTRY_PASS_THROUGH === true && variables.STORAGE_URL?.startsWith('http') !== true) {
    problems.add('REGISTRY_PASS_THROUGH', 'needs a registry as STORAGE_URL: a layout directory knows no accounts; set it to off, or STORAGE_URL to a registry');
  }
  if (!context.standalone && variables.TLS_PORT !== undefined && variables.TLS_CERT_FILE === undefined) {
    problems.add('TLS_PORT', 'needs TLS_CERT_FILE and TLS_KEY_FILE');
  }
  if (!context.standalone && variables.TLS_PORT === undefined && variables.TLS_CERT_FILE !== undefined) {
    problems.add('TLS_CERT_FILE', 'needs TLS_PORT');
  }
  if (context.metricsPort === null && variables.INTERNAL_URL !== undefined) {
    problems.add('INTERNAL_URL', 'there is no internal listener while METRICS_PORT is off');
  }
  checkPorts(context, problems);
}

/** Finds what of `storage` in CONFIG_FILE the variables contradict. */
export function checkStorage(variables: PlatformVariables, access: StorageAccessConfig, problems: Problems): void {
  if (access.credentials !== null && variables.STORAGE_USERNAME !== undefined) {
    problems.add('STORAGE_USERNAME', 'CONFIG_FILE.storage.credentials signs in by itself; remove one of the two');
  }
  if (access.credentials !== null && variables.STORAGE_URL?.startsWith('http') !== true) {
    problems.add('CONFIG_FILE.storage.credentials', 'needs a registry as STORAGE_URL');
  }
  if (access.clientCertificate !== null && variables.STORAGE_URL?.startsWith('https:') !== true) {
    problems.add('CONFIG_FILE.storage.clientCertFile', 'needs an https:// registry as STORAGE_URL');
  }
  if (access.profile.product !== null && variables.STORAGE_URL?.startsWith('http') !== true) {
    problems.add('CONFIG_FILE.storage.product', 'needs a registry as STORAGE_URL');
  }
}

function beyondLoopback(variables: PlatformVariables, problems: Problems): void {
  if (variables.PUBLIC_URL === undefined) {
    problems.add('PUBLIC_URL', 'required, because HOST can be reached from other machines');
  }
  if (variables.ANONYMOUS_READ === undefined) {
    problems.add('ANONYMOUS_READ', 'must be said (true or false), because HOST can be reached from other machines');
  }
}

function requireAll(variables: PlatformVariables, names: readonly (keyof PlatformVariables)[], problems: Problems): void {
  for (const name of names) {
    if (variables[name] === undefined) {
      problems.add(name, 'required');
    }
  }
}

function together(variables: PlatformVariables, one: keyof PlatformVariables, other: keyof PlatformVariables, problems: Problems): void {
  if ((variables[one] === undefined) !== (variables[other] === undefined)) {
    problems.add(one, `${one} and ${other} belong together; only one is set`);
  }
}

function checkPorts(context: CombinationContext, problems: Problems): void {
  const ports = [['PORT', context.port], ['TLS_PORT', context.tlsPort], ['METRICS_PORT', context.metricsPort]] as const;
  const seen = new Map<number, string>();
  for (const [name, port] of ports) {
    if (port === null || port === 0) {
      continue;
    }
    const other = seen.get(port);
    if (other !== undefined) {
      problems.add(name, `is the same port as ${other}`);
    }
    seen.set(port, name);
  }
}
