export { type RunningApp, startApp, WORKSPACE_ROOT } from './app-process.ts';
export { type CommandResult, runCommand } from './command.ts';
export { type RunningRegistry, startDockerRegistry } from './docker-registry.ts';
export { type NpmClient, npmClient } from './npm-client.ts';
export { freePort, type RunningServer, startServer, temporaryDirectory } from './process.ts';
export { type RunningRedis, startRedis } from './redis.ts';
