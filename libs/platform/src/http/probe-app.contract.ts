import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { connect } from 'node:net';
import { Writable } from 'node:stream';

import { All, Controller, Get, Module, Post, Req, Res, type Type } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyReply, FastifyRequest } from 'fastify';

import { createLogger, type Logger } from '../logging/logger.ts';
import { createHttpApp, type HttpAppOptions } from './http-app.ts';
import { listenHttp } from './listening.ts';

/** What the route of a spec does. */
export type Handle = (request: FastifyRequest, reply: FastifyReply) => Promise<unknown> | unknown;

/** A real app with one route for everything below `/probe`, whatever its method. */
export interface ProbeApp {
  readonly port: number;
  readonly app: NestFastifyApplication;
  /** Log lines so far. */
  lines(): readonly Record<string, unknown>[];
  /** Replaces what `/probe/*` does. */
  handle(handle: Handle): void;
  ask(request: ProbeRequest): Promise<ProbeAnswer>;
  close(): Promise<void>;
}

/** A request as it goes over the wire. */
export interface ProbeRequest {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer | string;
}

/** An answer as it came over the wire; `brokenOff` when the connection went before its end. */
export interface ProbeAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly brokenOff: boolean;
}

/** Starts a {@link ProbeApp} on a free port. */
export async function startProbeApp(options: Partial<HttpAppOptions> = {}): Promise<ProbeApp> {
  let current: Handle = () => ({ ok: true });
  const written: string[] = [];
  const logger = collectingLogger(written);
  const app = await createHttpApp(probeModule((request, reply) => current(request, reply)), {
    config: { basePath: '', instanceId: 'probe-instance' },
    logger,
    ...options,
  });
  const { port } = await listenHttp(app, { host: '127.0.0.1', port: 0 });
  return {
    port,
    app,
    lines: () => written.flatMap((text) => text.trim().split('\n')).map((line) => JSON.parse(line) as Record<string, unknown>),
    handle: (handle) => {
      current = handle;
    },
    ask: (request) => ask(port, request),
    close: () => app.close(),
  };
}

/** A logger that writes into `lines`. */
export function collectingLogger(lines: string[]): Logger {
  const destination = new Writable({
    write(chunk: Buffer, _encoding, done) {
      lines.push(chunk.toString());
      done();
    },
  });
  return createLogger({ name: 'probe', level: 'debug', destination });
}

function probeModule(handle: Handle): Type {
  @Controller()
  class ProbeController {
    @Get('/only-get')
    onlyGet(@Res() reply: FastifyReply): void {
      void reply.send(Buffer.from('got'));
    }

    @Post('/plain-post')
    post(@Req() request: FastifyRequest, @Res() reply: FastifyReply): void {
      void reply.send(Buffer.from(String(request.body === request.raw)));
    }

    @All('/probe/*')
    async all(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
      await handle(request, reply);
    }
  }

  @Module({ controllers: [ProbeController] })
  class ProbeModule {}
  return ProbeModule;
}

/** Sends a request without any client's own ideas. */
export async function ask(port: number, given: ProbeRequest): Promise<ProbeAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<ProbeAnswer>();
  const request = httpRequest({ port, host: '127.0.0.1', method: given.method ?? 'GET', path: given.path, headers: given.headers, agent: false }, (response) => {
    const chunks: Buffer[] = [];
    const finish = (brokenOff: boolean): void => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks), brokenOff });
    response.on('data', (chunk: Buffer) => chunks.push(chunk));
    response.on('end', () => finish(!response.complete));
    response.on('error', () => finish(true));
  });
  request.on('error', reject);
  request.end(given.body);
  return promise;
}

/** Sends raw text on a socket and returns everything that comes back until the other side closes. */
export async function askRaw(port: number, text: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.write(text);
  const chunks: Buffer[] = [];
  for await (const chunk of socket) {
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks).toString('latin1');
}
