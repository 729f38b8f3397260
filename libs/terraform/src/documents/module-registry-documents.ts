import type { ModuleOutput, ModulePart, ModuleInput } from '../model/terraform-fact.ts';
import type { ModuleDetail } from '../read/read-port.ts';

/** One page of a list. */
export interface ListPage {
  readonly limit: number;
  readonly offset: number;
  /** Whether there is anything behind it. */
  readonly more: boolean;
  /** Path and query of the request, which the links to other pages are made of. */
  readonly url: string;
}

/** Lists, searches and the latest versions of a module: https://developer.hashicorp.com/terraform/registry/api-docs */
export function moduleListDocument(modules: readonly ModuleDetail[], page: ListPage): object {
  return { meta: pageDocument(page), modules: modules.map(moduleSummary) };
}

/** The detail of a version. @param systems all that there is a module of this name for. */
export function moduleDetailDocument(detail: ModuleDetail, systems: readonly string[]): object {
  const { document, versions } = detail;
  return {
    ...moduleSummary(detail),
    root: partDocument(document?.root ?? EMPTY),
    submodules: (document?.submodules ?? []).map(partDocument),
    examples: [],
    providers: systems,
    versions,
  };
}

function moduleSummary({ address, version, publishedAt, document }: ModuleDetail): object {
  const { namespace, name, system } = address;
  return {
    id: `${namespace}/${name}/${system}/${version}`,
    owner: '',
    namespace,
    name,
    version,
    provider: system,
    description: '',
    source: document?.source ?? '',
    published_at: publishedAt === '' ? null : publishedAt,
    downloads: 0,
    verified: false,
  };
}

function pageDocument({ limit, offset, more, url }: ListPage): object {
  const next = offset + limit;
  const previous = Math.max(0, offset - limit);
  return {
    limit,
    current_offset: offset,
    ...(more && { next_offset: next, next_url: withOffset(url, next) }),
    ...(offset > 0 && { prev_offset: previous, prev_url: withOffset(url, previous) }),
  };
}

function withOffset(url: string, offset: number): string {
  const [path = '', query = ''] = url.split('?', 2);
  const parameters = new URLSearchParams(query);
  parameters.set('offset', String(offset));
  return `${path}?${parameters.toString()}`;
}

const EMPTY: ModulePart = { path: '', readme: '', inputs: [], outputs: [], providers: [], dependencies: [], resources: [] };

function partDocument(part: ModulePart): object {
  const { path, readme, inputs, outputs, providers, dependencies, resources } = part;
  return {
    path,
    name: path.split('/').at(-1) ?? '',
    readme,
    empty: inputs.length + outputs.length + providers.length + dependencies.length + resources.length === 0,
    inputs: inputs.map(inputDocument),
    outputs: outputs.map(outputDocument),
    dependencies,
    provider_dependencies: providers.map(({ name, source, version }) => ({ name, namespace: source.split('/').at(-2) ?? '', source, version })),
    resources,
  };
}

function inputDocument({ name, type, description, default: value, sensitive }: ModuleInput): object {
  return { name, type, description, default: value ?? '', required: value === null, sensitive };
}

function outputDocument({ name, description, sensitive }: ModuleOutput): object {
  return { name, description, sensitive };
}
