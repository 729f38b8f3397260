export { pypi } from './pypi-ecosystem.ts';
