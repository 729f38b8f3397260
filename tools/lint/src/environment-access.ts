import type { Rule } from 'eslint';

/** The environment is read once, in the platform's configuration; everything else is handed typed values. */
export const environmentAccess: Rule.RuleModule = {
  meta: {
    type: 'problem',
    schema: [],
    messages: { read: 'Only libs/platform/src/config reads the environment: take the value from the configuration.' },
  },
  create: (context) => ({
    MemberExpression: (node) => {
      const property = node.computed ? literalText(node.property) : identifierName(node.property);
      if (identifierName(node.object) === 'process' && property === 'env') {
        context.report({ node, messageId: 'read' });
      }
    },
    VariableDeclarator: (node) => {
      if (node.id.type === 'ObjectPattern' && node.init !== null && node.init !== undefined && identifierName(node.init) === 'process' && takes(node.id, 'env')) {
        context.report({ node, messageId: 'read' });
      }
    },
    ImportSpecifier: (node) => {
      const { parent } = node as typeof node & Rule.NodeParentExtension;
      const source = parent.type === 'ImportDeclaration' ? parent.source.value : null;
      if ((source === 'node:process' || source === 'process') && identifierName(node.imported) === 'env') {
        context.report({ node, messageId: 'read' });
      }
    },
  }),
};

function identifierName(node: { readonly type: string; readonly name?: unknown }): string | null {
  return node.type === 'Identifier' && typeof node.name === 'string' ? node.name : null;
}

function literalText(node: { readonly type: string; readonly value?: unknown }): string | null {
  return node.type === 'Literal' && typeof node.value === 'string' ? node.value : null;
}

function takes(pattern: { readonly properties: readonly { readonly type: string; readonly key?: { readonly type: string; readonly name?: unknown } }[] }, name: string): boolean {
  return pattern.properties.some(({ key }) => key !== undefined && identifierName(key) === name);
}
