import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';

import { ProxyError } from '@oci-package-proxy/errors';
import type { IngestJob, IngestPlan } from '@oci-package-proxy/ingest';
import { versionTag } from '@oci-package-proxy/mapping';
import type { JsonValue, LedgerReader } from '@oci-package-proxy/storage';

import type { TerraformHosts } from '../config/hosts.ts';
import { moduleText } from '../model/address.ts';
import { isBlocked } from '../read/version-marks.ts';
import { isUpstreamFailure } from '../upstream/upstream-failure.ts';
import type { UpstreamRegistries } from '../upstream/upstream-registry.ts';
import { isVersion } from '../versions/version.ts';
import { moduleFact } from './module-fact.ts';
import { ModuleLocations } from './module-locations.ts';
import { moduleAddressOf } from './module-name.ts';
import { type AskedModulePlace, isAskedModule, isModuleFact, ModulePlaces } from './module-places.ts';
import { stateOfList } from './module-states.ts';
import { normalizePulled } from './pulled-archive.ts';
import { downloadRequest, type PulledModule } from './pulled-modules.ts';
import { UpstreamModules } from './upstream-modules.ts';

/** No registry says when a version was published. */
const UNKNOWN_TIME = '1970-01-01T00:00:00.000Z';

/** What {@link modulePlan} needs. */
export interface ModuleIngestDependencies {
  readonly hosts: TerraformHosts;
  readonly ledger: Pick<LedgerReader, 'fold' | 'fact'>;
  readonly registries: Pick<UpstreamRegistries, 'modulesBase'>;
  /** Where temporary files go; it must exist. */
  readonly directory: string;
  readonly signal: AbortSignal;
}

/**
 * How a module version that was pulled through is stored: `IngestCodec.plan` for jobs of modules. What is stored already is not fetched
 * again, whatever upstream has now.
 * @returns null when upstream no longer has it.
 * @throws ProxyError `invalid` for what no front end hands in, `not-found` for a host that is not asked any more, `policy` for what is
 * published here or private; as upstream fails.
 */
export async function modulePlan(job: IngestJob, dependencies: ModuleIngestDependencies): Promise<IngestPlan | null> {
  const { hosts, ledger, registries, signal } = dependencies;
  const place = await placeOf(job, dependencies);
  const modules = new UpstreamModules(registries);
  const locations = new ModuleLocations({ ledger, hosts, places: new ModulePlaces({ ledger, hosts }), modules });
  const tag = versionTag(job.file);
  const fact = await ledger.fact(place.ref, tag, { signal });
  const isStored = fact !== null && isModuleFact(fact);
  const [module, upstreamState] = await Promise.all([
    orNull(isStored, () => locations.atUpstream(place, job.file, { signal })),
    stateOf(modules, place, signal),
  ]);
  if (module === null && !isStored) {
    return null;
  }
  const shared = { ref: place.ref, tag, upstreamState };
  return module === null ? { ...shared, ...takenBack(job, place) } : { ...shared, ...fetching(module, { ...dependencies, isStored }) };
}

/** @throws ProxyError as {@link modulePlan}. */
async function placeOf({ package: name, file: version }: IngestJob, { hosts, ledger, signal }: ModuleIngestDependencies): Promise<AskedModulePlace> {
  const address = moduleAddressOf(name);
  if (address === null || !isVersion(version)) {
    throw new ProxyError('invalid', `ingest of ${version}: ${name} is no module, or that is no version of one`);
  }
  const place = await new ModulePlaces({ ledger, hosts }).of(address, { signal });
  if (isAskedModule(place)) {
    return place;
  }
  if (!hosts.isOwn(address.host) && hosts.upstream(address.host) === null) {
    throw new ProxyError('not-found', `ingest of ${name} ${version}: ${address.host} is not among the upstreams`);
  }
  throw new ProxyError('policy', `ingest of ${name} ${version}: what is private or published here is never asked of upstream`);
}

type Fetching = Pick<IngestPlan, 'key' | 'expected' | 'subject' | 'sources' | 'build' | 'dispose'>;

function fetching(module: PulledModule, { isStored, ...dependencies }: ModuleIngestDependencies & { readonly isStored: boolean }): Fetching {
  const { address, version, location } = module;
  const { directory, signal } = dependencies;
  const target = join(directory, `module-${randomUUID()}`);
  const request = downloadRequest(module);
  return {
    ...request,
    // The stored archive is another file than the fetched one, which must not be taken for its being new; it is checked when it is built from.
    expected: isStored ? {} : request.expected,
    build: async (file) => {
      const archive = await normalizePulled({ file, location, subject: `${moduleText(address)} ${version}`, target, signal });
      await checkAllowed(module, dependencies);
      return moduleFact({ address, version, archive, source: location.source, at: UNKNOWN_TIME });
    },
    dispose: async () => rm(target, { force: true }).catch(() => undefined),
  };
}

/** Just before it is stored: it may have been blocked since the job was handed in. @throws ProxyError `policy`. */
async function checkAllowed({ address, version }: PulledModule, { hosts, ledger, signal }: ModuleIngestDependencies): Promise<void> {
  const { fold, ref } = await new ModulePlaces({ ledger, hosts }).of(address, { signal, fresh: true });
  if (isBlocked(fold, version)) {
    throw new ProxyError('policy', `ingest of ${ref.name} ${version}: it is blocked here`);
  }
}

/** What is stored and that upstream has no more stays stored. */
function takenBack({ file: version }: IngestJob, { ref, address }: AskedModulePlace): Fetching {
  const subject = `archive of module ${moduleText(address)} ${version}`;
  const build = async (): Promise<never> => Promise.reject(new ProxyError('not-found', `ingest of ${ref.name} ${version}: upstream no longer has it`));
  return { key: `terraform/taken-back/${ref.repository}/${versionTag(version)}`, expected: {}, subject, sources: [], build };
}

async function stateOf(modules: UpstreamModules, { address, upstream, fold }: AskedModulePlace, signal: AbortSignal): Promise<JsonValue | null> {
  const list = await orNull(true, () => modules.versions({ upstream, address }, { signal }));
  return list === null || list.stale ? null : stateOfList(list.value, fold);
}

/** What cannot be told without upstream is not worth failing for, where `isOptional`. */
async function orNull<T>(isOptional: boolean, work: () => Promise<T | null>): Promise<T | null> {
  try {
    return await work();
  } catch (error) {
    if (!isOptional || !isUpstreamFailure(error)) {
      throw error;
    }
    return null;
  }
}
