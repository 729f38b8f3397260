import { basename } from 'node:path';

import type { Rule } from 'eslint';

const FORM = /^[a-z0-9]+(?:-[a-z0-9]+)*(?:\.[a-z0-9]+)*\.m?[tj]s$/;
const DRAWERS = /^(?:utils?|helpers?|common|shared|misc)\.m?[tj]s$/;

/** Files are kebab-case nouns; a file called utils says nothing about what is in it. */
export const fileNames: Rule.RuleModule = {
  meta: {
    type: 'problem',
    schema: [],
    messages: {
      form: '{{name}}: file names are kebab-case.',
      drawer: '{{name}}: name the file after what it holds.',
    },
  },
  create: (context) => ({
    Program: (node) => {
      const name = basename(context.filename);
      if (!FORM.test(name)) {
        context.report({ node, messageId: 'form', data: { name } });
      }
      if (DRAWERS.test(name)) {
        context.report({ node, messageId: 'drawer', data: { name } });
      }
    },
  }),
};
