import { moduleText, providerText } from '../model/address.ts';
import type { ModulePublisher, ProviderPublisher, PublishAnswer } from '../publish/publish-port.ts';
import { counted, publishableModule, publishableProvider, type PublishContext, publisherOf, sendAnswer, uploadBody, writeCall } from './publish-context.ts';
import type { Exchange, Route } from './exchange.ts';

const PROVIDER = 'providers/:namespace/:type/:version';

/** What {@link publishRoutes} answers from. */
export interface PublishRoutesOptions {
  readonly context: PublishContext;
  /** Null: publishing is switched off. */
  readonly providers: ProviderPublisher | null;
  /** Null: publishing is switched off. */
  readonly modules: ModulePublisher | null;
}

/** Publishing, below `<root>/api/v1/terraform/`: 201 for what is new, 200 for the same again. */
export function publishRoutes(options: PublishRoutesOptions): Route[] {
  const publishing = new Publishing(options);
  const session = `${PROVIDER}/uploads/:id`;
  return [
    { methods: ['POST'], pattern: PROVIDER, handler: async (exchange) => publishing.provider(exchange) },
    { methods: ['POST'], pattern: `${PROVIDER}/uploads`, handler: async (exchange) => publishing.begin(exchange) },
    { methods: ['POST'], pattern: `${session}/commit`, handler: async (exchange) => publishing.commit(exchange) },
    { methods: ['PUT'], pattern: `${session}/:filename`, handler: async (exchange) => publishing.stage(exchange) },
    { methods: ['GET', 'HEAD'], pattern: session, handler: async (exchange) => publishing.staged(exchange) },
    { methods: ['DELETE'], pattern: session, handler: async (exchange) => publishing.abandon(exchange) },
    { methods: ['PUT', 'POST'], pattern: 'modules/:namespace/:name/:system/:version', handler: async (exchange) => publishing.module(exchange) },
  ];
}

/** The upload form of the original project, at all its addresses. */
export function formRoutes({ context, providers }: Pick<PublishRoutesOptions, 'context' | 'providers'>): Route[] {
  const handler = async (exchange: Exchange): Promise<void> => {
    const publisher = publisherOf(exchange, providers);
    const answer = await counted(context, async () =>
      publisher.publishForm(uploadBody(exchange), {
        ...writeCall(exchange),
        authorize: async ({ namespace, type }) => publishableProvider({ params: { namespace, type }, who: exchange.who }, context),
      }),
    );
    await sendPublished(exchange, `${context.own}/${answer.namespace}/${answer.type}`, answer);
  };
  return ['upload', 'terraform/upload'].map((pattern) => ({ methods: ['POST'], pattern, handler }));
}

class Publishing {
  readonly #options: PublishRoutesOptions;

  constructor(options: PublishRoutesOptions) {
    this.#options = options;
  }

  async provider(exchange: Exchange): Promise<void> {
    const { context, providers } = this.#options;
    const publisher = publisherOf(exchange, providers);
    const address = await publishableProvider(exchange, context);
    const answer = await counted(context, async () => publisher.publish(address, versionOf(exchange), uploadBody(exchange), writeCall(exchange)));
    await sendPublished(exchange, providerText(address), answer);
  }

  async module(exchange: Exchange): Promise<void> {
    const { context, modules } = this.#options;
    const publisher = publisherOf(exchange, modules);
    const address = await publishableModule(exchange, context);
    const answer = await counted(context, async () => publisher.publish(address, versionOf(exchange), uploadBody(exchange), writeCall(exchange)));
    await sendPublished(exchange, moduleText(address), answer);
  }

  async begin(exchange: Exchange): Promise<void> {
    const publisher = publisherOf(exchange, this.#options.providers);
    const address = await publishableProvider(exchange, this.#options.context);
    const staged = await publisher.begin(address, versionOf(exchange), writeCall(exchange));
    // Relative to this very request, so that it is right behind whatever stands before us.
    exchange.reply.header('location', `./uploads/${encodeURIComponent(staged.id)}`);
    await sendAnswer(exchange, 201, staged);
  }

  async staged(exchange: Exchange): Promise<void> {
    const publisher = publisherOf(exchange, this.#options.providers);
    const address = await publishableProvider(exchange, this.#options.context);
    await sendAnswer(exchange, 200, await publisher.staged(address, versionOf(exchange), idOf(exchange), writeCall(exchange)));
  }

  async stage(exchange: Exchange): Promise<void> {
    const publisher = publisherOf(exchange, this.#options.providers);
    const address = await publishableProvider(exchange, this.#options.context);
    const { filename = '' } = exchange.params;
    await sendAnswer(exchange, 200, await publisher.stage(address, versionOf(exchange), idOf(exchange), filename, uploadBody(exchange), writeCall(exchange)));
  }

  async commit(exchange: Exchange): Promise<void> {
    const { context, providers } = this.#options;
    const publisher = publisherOf(exchange, providers);
    const address = await publishableProvider(exchange, context);
    const answer = await counted(context, async () => publisher.commit(address, versionOf(exchange), idOf(exchange), writeCall(exchange)));
    await sendPublished(exchange, providerText(address), answer);
  }

  async abandon(exchange: Exchange): Promise<void> {
    const publisher = publisherOf(exchange, this.#options.providers);
    const address = await publishableProvider(exchange, this.#options.context);
    await publisher.abandon(address, versionOf(exchange), idOf(exchange), writeCall(exchange));
    await exchange.reply.code(204).header('cache-control', 'no-store').send();
  }
}

function versionOf({ params }: Exchange): string {
  return params['version'] ?? '';
}

function idOf({ params }: Exchange): string {
  return params['id'] ?? '';
}

async function sendPublished(exchange: Exchange, name: string, { outcome, version, files, warnings }: PublishAnswer): Promise<void> {
  await sendAnswer(exchange, outcome === 'created' ? 201 : 200, { name, version, outcome, files, warnings });
}
