import { Agent, createServer, type IncomingMessage, request as send, type ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';

import { forwardRequest } from './forwarded-request.ts';
import { FaultPlan, type PlannedFault, type RegistryFault } from './fault-plan.ts';

/** How {@link startFaultProxy} fails. */
export interface FaultProxyOptions {
  /** The registry behind it: `http://127.0.0.1:<port>`. */
  readonly target: string;
  /** Of the random numbers. */
  readonly seed: number;
  /** How many of all requests fail, from 0 to 1. */
  readonly rate: number;
  /** Which faults there are; all when absent. */
  readonly kinds?: readonly RegistryFault[];
  /** The longest that a request is late, in milliseconds; 2000 when absent. */
  readonly longestDelayMs?: number;
}

/** A registry that fails some of the requests at random. */
export interface FaultProxy {
  /** `http://127.0.0.1:<port>` */
  readonly url: string;
  readonly port: number;
  /** May be changed at any time. */
  readonly plan: Pick<FaultPlan, 'rate'>;
  /** `method path` of every request since the start, or since {@link FaultProxy.forget}. */
  readonly requests: readonly string[];
  readonly faults: ReadonlyMap<RegistryFault, number>;
  /** Forgets what was requested. */
  forget(): void;
  /** Closes it and every connection. */
  stop(): Promise<void>;
}

interface Exchange {
  readonly message: IncomingMessage;
  readonly response: ServerResponse;
}

interface Onward {
  readonly target: string;
  readonly agent: Agent;
}

interface WholeAnswer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

const REFUSALS = [
  { status: 429, headers: { 'retry-after': '1' } },
  { status: 429, headers: {} },
  { status: 500, headers: {} },
  { status: 502, headers: {} },
  { status: 503, headers: { 'retry-after': '1' } },
  { status: 503, headers: {} },
] as const;
const HIDDEN_STATUSES = [500, 502, 503] as const;

/**
 * Starts a proxy in front of a registry that fails requests at random, as networks, gateways and registries do. Bodies of failing requests
 * are kept in memory: send small ones.
 */
export async function startFaultProxy(options: FaultProxyOptions): Promise<FaultProxy> {
  const plan = new FaultPlan(options);
  const faults = new Map<RegistryFault, number>();
  const requests: string[] = [];
  const onward = { target: options.target, agent: new Agent({ keepAlive: true }) };
  const server = createServer((message, response) => {
    requests.push(`${message.method ?? ''} ${message.url ?? ''}`);
    response.on('error', () => undefined);
    const fault = plan.next(message.method ?? '');
    if (fault !== null) {
      faults.set(fault.kind, (faults.get(fault.kind) ?? 0) + 1);
    }
    handle({ message, response }, { fault, onward, longestDelayMs: options.longestDelayMs ?? 2000 }).catch(() => response.destroy());
  });
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    plan,
    requests,
    faults,
    forget: () => void requests.splice(0),
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      onward.agent.destroy();
    },
  };
}

async function handle(exchange: Exchange, { fault, onward, longestDelayMs }: { readonly fault: PlannedFault | null; readonly onward: Onward; readonly longestDelayMs: number }): Promise<void> {
  const { message, response } = exchange;
  if (fault?.kind === 'late') {
    await sleep(fault.detail * longestDelayMs);
  }
  if (fault === null || fault.kind === 'late') {
    forwardRequest(exchange.message, exchange.response, onward);
    return;
  }
  if (fault.kind === 'reset-before') {
    message.socket.destroy();
    return;
  }
  const body = await buffer(message);
  if (fault.kind === 'refused') {
    const { status, headers } = REFUSALS[Math.floor(fault.detail * REFUSALS.length)] ?? REFUSALS[0];
    response.writeHead(status, headers).end(errorBody('refused at random'));
    return;
  }
  if (fault.kind === 'not-applied') {
    response.writeHead(201).end();
    return;
  }
  spoil(exchange, fault, await ask(message, body, onward));
}

/** Answers wrongly what the registry has done. */
function spoil({ message, response }: Exchange, { kind, detail }: PlannedFault, { status, headers, body }: WholeAnswer): void {
  const half = body.subarray(0, Math.floor(body.length / 2));
  if (kind === 'done-but-5xx') {
    response.writeHead(HIDDEN_STATUSES[Math.floor(detail * HIDDEN_STATUSES.length)] ?? 500).end(errorBody('failed after the fact'));
    return;
  }
  if (kind === 'reset-after' || body.length === 0) {
    message.socket.destroy();
    return;
  }
  const framing = kind === 'cut-body' ? half.length : body.length;
  const { 'transfer-encoding': _framed, ...kept } = headers;
  response.writeHead(status, { ...kept, 'content-length': String(framing) });
  // What was written must be on its way before the connection goes.
  response.write(half, () => (kind === 'cut-body' ? response.end() : setTimeout(() => message.socket.destroy(), 10)));
}

function errorBody(message: string): string {
  return JSON.stringify({ errors: [{ code: 'UNKNOWN', message }] });
}

async function ask(message: IncomingMessage, body: Buffer, { target, agent }: Onward): Promise<WholeAnswer> {
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    const { 'transfer-encoding': _framed, ...headers } = message.headers;
    const framing = message.method === 'GET' || message.method === 'HEAD' ? {} : { 'content-length': String(body.length) };
    send(new URL(message.url ?? '/', target), { method: message.method, headers: { ...headers, ...framing }, agent }, resolve).on('error', reject).end(body);
  });
  return { status: answer.statusCode ?? 502, headers: answer.headers, body: await buffer(answer) };
}
