import { type AdminCommand, commandOf } from '@oci-package-proxy/platform';

import { keyCommands } from './key-commands.ts';
import type { Management } from './management.ts';
import { packageCommands } from './package-commands.ts';

/** What operators can do from the command line: the same use cases as the management API. @param more commands of other parts, such as the import. */
export function terraformCommands(management: Management, more: readonly AdminCommand[] = []): AdminCommand[] {
  return [...[...packageCommands(management), ...keyCommands(management)].map(commandOf), ...more];
}
