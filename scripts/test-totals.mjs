// A vitest reporter that adds this run's counts to the file that TEST_TOTALS names, for the one line at the end of `npm test`.
import { appendFileSync } from 'node:fs';

export default class TestTotals {
  onTestRunEnd(modules, errors) {
    const totals = { passed: 0, failed: errors.length, skipped: 0 };
    for (const module of modules) {
      const tests = [...module.children.allTests()];
      if (tests.length === 0 || (module.state() === 'failed' && tests.every((test) => test.result().state === 'passed'))) {
        // The file did not load, or a hook of its own failed.
        totals.failed += 1;
      }
      for (const test of tests) {
        const { state } = test.result();
        totals[state === 'passed' || state === 'failed' ? state : 'skipped'] += 1;
      }
    }
    const file = process.env.TEST_TOTALS;
    if (file !== undefined) {
      appendFileSync(file, `${totals.passed} ${totals.failed} ${totals.skipped}\n`);
    }
  }
}
