// A vitest reporter for `npm run test:registries`: what was seen of each registry, as JSON in the file that REGISTRY_RESULTS names. The tests
// say what they are about with their outer descriptions: `<server> | <form>`, then the row of the table in docs/registries.md.
import { writeFileSync } from 'node:fs';

export default class RegistryResults {
  onTestRunEnd(modules) {
    const results = {};
    // From the driver up, whatever order they were run in.
    const ordered = modules.toSorted((a, b) => (a.moduleId < b.moduleId ? 1 : -1));
    for (const test of ordered.flatMap((module) => [...module.children.allTests()])) {
      const names = namesOf(test);
      const [server, form] = names[0].split(' | ');
      if (form === undefined) {
        continue;
      }
      const seen = ((results[server] ??= {})[form] ??= { rows: {}, probe: null, oddities: {} });
      seen.rows[names[1]] = seen.rows[names[1]] !== false && test.result().state === 'passed';
      const { probe, oddities } = test.meta();
      Object.assign(seen, probe && { probe, oddities });
    }
    writeFileSync(process.env.REGISTRY_RESULTS, JSON.stringify(results));
  }
}

function namesOf(test) {
  const names = [];
  for (let part = test; part.type !== 'module'; part = part.parent) {
    names.unshift(part.name);
  }
  return names;
}
