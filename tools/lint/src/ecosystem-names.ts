import type { Rule } from 'eslint';

/** Shared code never names an ecosystem: invariant 8 of the design. Strings and template parts that are exactly such a name. */
export const ecosystemNames: Rule.RuleModule = {
  meta: {
    type: 'problem',
    schema: [{ type: 'object', properties: { names: { type: 'array', items: { type: 'string' } } }, required: ['names'], additionalProperties: false }],
    messages: { named: 'Shared code never names an ecosystem ({{name}}): let the ecosystem pass what differs.' },
  },
  create: (context) => {
    const { names } = context.options[0] as { readonly names: readonly string[] };
    return {
      Literal: (node) => {
        if (typeof node.value === 'string' && names.includes(node.value)) {
          context.report({ node, messageId: 'named', data: { name: node.value } });
        }
      },
      TemplateElement: (node) => {
        const named = node.value.raw.split(/[^a-z]+/).find((word) => names.includes(word));
        if (named !== undefined) {
          context.report({ node, messageId: 'named', data: { name: named } });
        }
      },
    };
  },
};
