import { ecosystemNames } from './ecosystem-names.ts';
import { environmentAccess } from './environment-access.ts';
import { fileNames } from './file-names.ts';

/** The house rules, as an ESLint plugin. */
export const houseRules = {
  meta: { name: 'house' },
  rules: {
    'ecosystem-names': ecosystemNames,
    'environment-access': environmentAccess,
    'file-names': fileNames,
  },
};
