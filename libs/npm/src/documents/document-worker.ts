import { parentPort } from 'node:worker_threads';

import { type DocumentTask, runTask } from './document-task.ts';

// The thread behind the workshop: one task after the other, in the order they come.
parentPort?.on('message', ({ id, task }: { readonly id: number; readonly task: DocumentTask }) => {
  try {
    parentPort?.postMessage({ id, result: runTask(task) });
  } catch (error) {
    parentPort?.postMessage({ id, failure: error instanceof Error ? error.message : String(error) });
  }
});
