// Apart from the rest of the platform, so that what reads archives can run in a process of its own, without Nest.
export { BufferedFile } from './buffered-file.ts';
export { type FileSink, type FormFile, type FormLimits, type FormParts, FormReading } from './form-reading.ts';
export { sentChunks } from './sent-chunks.ts';
export { type FileHash, onDisk, TemporaryFile } from './temporary-file.ts';
