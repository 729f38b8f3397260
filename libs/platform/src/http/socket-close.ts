import type { Socket } from 'node:net';

const watchers = new WeakMap<Socket, Set<() => void>>();

/**
 * Calls `callback` when `socket` closes. One listener serves all requests of a connection: the client decides how many it
 * pipelines. @returns a function that stops waiting.
 */
export function onSocketClose(socket: Socket, callback: () => void): () => void {
  const callbacks = watchers.get(socket) ?? watch(socket);
  callbacks.add(callback);
  return () => void callbacks.delete(callback);
}

function watch(socket: Socket): Set<() => void> {
  const callbacks = new Set<() => void>();
  watchers.set(socket, callbacks);
  socket.once('close', () => {
    for (const callback of callbacks) {
      callback();
    }
    callbacks.clear();
  });
  return callbacks;
}
