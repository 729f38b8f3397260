export type { Download, DownloadRequest, Downloads, DownloadSource, SourceBody, SpooledFile } from './download/download-port.ts';
export type { Upstream, UpstreamDocument, UpstreamDocuments, UpstreamRequest, UpstreamResponse } from './upstream-port.ts';
