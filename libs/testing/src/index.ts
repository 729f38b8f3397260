export { type RunningRegistry, startDockerRegistry } from './docker-registry.ts';
export { freePort, type RunningServer, startServer, temporaryDirectory } from './process.ts';
export { type RunningRedis, startRedis } from './redis.ts';
