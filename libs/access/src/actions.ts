import type { Action } from './access-port.ts';

/** Every action. */
export const ACTIONS = ['read', 'publish', 'delete', 'admin'] as const satisfies readonly Action[];

/** The verb for `action` in a text. */
export function verbOf(action: Action): string {
  return action === 'admin' ? 'administer' : action;
}

/** Whether a list of actions lets `action` be done: `admin` lets everything. */
export function allows(actions: readonly Action[], action: Action): boolean {
  return actions.includes(action) || actions.includes('admin');
}
