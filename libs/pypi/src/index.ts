export { defaultPypiUpstream, type MachineIndex } from './config/default-upstream.ts';
export type { PypiIndex, PypiIndexes, PypiUpstream } from './config/indexes.ts';
export { PYPI_SECTION, type PypiSection } from './config/pypi-section.ts';
export { PYPI_VARIABLES } from './config/pypi-variables.ts';
export { pypiMounts } from './http/pypi-mounts.ts';
export { pypi } from './pypi.ecosystem.ts';
export { type PypiDependencies, PypiModule, type PypiObserver } from './pypi.module.ts';
export { createPypiParts, type PartsOptions, type PypiLogger, type PypiParts } from './pypi.parts.ts';
