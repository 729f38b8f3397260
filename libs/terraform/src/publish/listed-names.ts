import { shown } from '../archives/archive-failure.ts';

const MAX_LISTED = 8;

/** Names for an error text: `a, b and 3 more`. */
export function listed(names: readonly string[]): string {
  const told = names.slice(0, MAX_LISTED).map((name) => shown(name)).join(', ');
  return names.length > MAX_LISTED ? `${told} and ${names.length - MAX_LISTED} more` : told;
}
