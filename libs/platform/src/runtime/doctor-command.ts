import { doctorText, examine, type PackageLocator } from '@oci-package-proxy/housekeeping';
import type { Registry } from '@oci-package-proxy/oci';

import type { PlatformConfig } from '../config/platform-config.ts';
import { type CommandSketch, jsonOf } from './command-line.ts';

/** What the doctor looks at. */
export interface DoctorParts {
  readonly config: Pick<PlatformConfig, 'storage'>;
  readonly locator: PackageLocator;
  /** Makes no request. */
  readonly open: () => Registry;
}

/** Says what the store can and cannot do, and what to change. */
export function doctorCommand({ config, locator, open }: DoctorParts): CommandSketch {
  return {
    name: 'doctor',
    usage: '[--read-only]',
    summary: 'Tries out whether the registry (or directory) is fit to hold packages, and says what to change; --read-only writes nothing, and sees less.',
    options: { 'read-only': { type: 'boolean' } },
    positionals: { least: 0, most: 0 },
    run: async (given, { signal, progress }) => {
      const registry = open();
      try {
        const report = await examine({ registry, url: config.storage.url, locator, readOnly: given.is('read-only'), signal, progress });
        return { failed: !report.fit, text: doctorText(report), data: jsonOf(report) };
      } finally {
        await registry.close();
      }
    },
  };
}
