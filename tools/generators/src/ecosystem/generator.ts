import { formatFiles, logger, readJson, type Tree } from '@nx/devkit';

import { appFiles, libraryFiles } from './templates.ts';

/** What `nx g @oci-package-proxy/generators:ecosystem` is asked. */
export interface EcosystemSchema {
  readonly name: string;
  readonly port: number;
}

/** Writes a library and a front end for one more ecosystem; the lists in `standalone`, `ingest-worker` and `admin` are edited by hand. */
export async function ecosystemGenerator(tree: Tree, { name, port }: EcosystemSchema): Promise<() => void> {
  if (!/^[a-z][a-z0-9]*$/.test(name)) {
    throw new Error(`${JSON.stringify(name)}: an ecosystem's name is lower-case letters and digits`);
  }
  if (tree.exists(`libs/${name}`) || tree.exists(`apps/${name}`)) {
    throw new Error(`there is a libs/${name} or apps/${name} already`);
  }
  const versions = {
    lib: readJson<{ dependencies: Record<string, string> }>(tree, 'libs/npm/package.json').dependencies,
    app: readJson<{ dependencies: Record<string, string> }>(tree, 'apps/npm/package.json').dependencies,
  };
  const files = { ...libraryFiles(name, versions.lib), ...appFiles({ name, port, versions: versions.app }) };
  for (const [path, text] of Object.entries(files)) {
    tree.write(path, text);
  }
  await formatFiles(tree);
  return () => {
    logger.info(`Next: npm install && npx nx sync, then add ${name} to the lists in src/ecosystems.ts of apps/standalone, apps/ingest-worker and apps/admin.`);
  };
}
