import type { Action } from './access-port.ts';

/** Every action. */
export const ACTIONS = ['read', 'publish', 'delete', 'admin'] as const satisfies readonly Action[];

/** The verb for `action` in a text. */
export function verbOf(action: Action): string {
  return action === 'admin' ? 'administer' : action;
}
