import 'reflect-metadata';

import { userInfo } from 'node:os';

import { runAdmin } from '@oci-package-proxy/platform';

import { ECOSYSTEMS } from './ecosystems.ts';

await runAdmin({ ecosystems: ECOSYSTEMS, args: process.argv.slice(2), by: `admin command (${userName()})` });

/** In a container the user often has a number and no name. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return `user ${process.getuid?.() ?? 'unknown'}`;
  }
}
