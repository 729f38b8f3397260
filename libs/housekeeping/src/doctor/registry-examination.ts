import type { ProbeReport, RegistryProfile } from '@oci-package-proxy/oci';

import { ACCESS_REQUIREMENTS } from './access-requirements.ts';
import { CONFIGURATION_REQUIREMENTS } from './configuration-requirements.ts';
import { STORING_REQUIREMENTS } from './storing-requirements.ts';
import { Patient, type Verdict } from './verdict.ts';

/** What a probe's findings mean for us, requirement by requirement. No request is made. */
export function registryVerdicts(examined: { readonly report: ProbeReport; readonly profile: RegistryProfile; readonly url: URL }): readonly Verdict[] {
  const patient = new Patient(examined);
  const requirements = [...ACCESS_REQUIREMENTS, ...STORING_REQUIREMENTS, ...CONFIGURATION_REQUIREMENTS];
  return requirements.map((requirement) => requirement(patient));
}
