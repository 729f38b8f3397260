// Apart from the rest of the platform, so that what reads archives can run in a process of its own, without Nest.
export { BufferedFile } from './buffered-file.ts';
