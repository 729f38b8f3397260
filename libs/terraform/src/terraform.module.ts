import { type DynamicModule, Module } from '@nestjs/common';

import type { Access, Tokens } from '@oci-package-proxy/access';
import { Gate, type PlatformConfig, RouteTable } from '@oci-package-proxy/platform';

import { catalogueRoutes } from './http/catalogue-routes.ts';
import { discoveryRoutes } from './http/discovery-routes.ts';
import { fileRoutes } from './http/file-routes.ts';
import { JsonDocuments } from './http/json-documents.ts';
import { moduleRoutes } from './http/module-routes.ts';
import { providerRoutes } from './http/provider-routes.ts';
import { formRoutes, publishRoutes } from './http/publish-routes.ts';
import { serviceRoutes } from './http/service-routes.ts';
import { apiPath, rootPaths } from './http/terraform-mounts.ts';
import { LoginCodes } from './login/login-codes.ts';
import { loginRoutes } from './login/login-routes.ts';
import { manageRoutes } from './manage/manage-routes.ts';
import { ECOSYSTEM } from './model/address.ts';
import { createApiController, createRegistryController, createRootController } from './terraform.controller.ts';
import { TerraformDispatcher } from './terraform.dispatcher.ts';
import type { TerraformParts } from './terraform.parts.ts';

/** What happens, for metrics. None of these may throw. */
export interface TerraformObserver {
  onRead?(kind: 'metadata' | 'file', result: 'hit' | 'miss'): void;
  onWrite?(result: 'done' | 'refused' | 'failed'): void;
}

/** What {@link TerraformModule} is made of. */
export interface TerraformDependencies {
  readonly parts: Omit<TerraformParts, 'codec' | 'commands'>;
  readonly access: Access;
  readonly tokens: Tokens;
  /** Path prefix of the registry: `''`, or like `/terraform`. */
  readonly prefix: string;
  /** Path prefix of the API, before `/api/v1/terraform`. */
  readonly root: string;
  readonly config: Pick<PlatformConfig, 'publicUrl' | 'trustedProxies' | 'secretKey' | 'usersFile' | 'adminToken'>;
  /** How long a token of `terraform login` is good for. */
  readonly loginDays: number;
  readonly observer?: TerraformObserver;
  /** Milliseconds since the epoch. */
  readonly clock?: () => number;
}

/** The registry of providers and modules, its network mirror, its sign-in and its API. */
@Module({})
export class TerraformModule {
  /** The module with its controllers. */
  static register(dependencies: TerraformDependencies): DynamicModule {
    const { prefix, root } = dependencies;
    return {
      module: TerraformModule,
      controllers: [createRootController(rootPaths(root)), createApiController(apiPath(root)), createRegistryController(prefix)],
      providers: [{ provide: TerraformDispatcher, useValue: createDispatcher(dependencies) }],
    };
  }
}

function createDispatcher(dependencies: TerraformDependencies): TerraformDispatcher {
  const { parts, access, prefix, root, config, observer = {} } = dependencies;
  const { hosts, links, providers, modules, providerUploads, moduleUploads } = parts;
  const gate = new Gate({ access, config, ecosystem: ECOSYSTEM });
  const onWrite = (result: 'done' | 'refused' | 'failed'): void => observer.onWrite?.(result);
  const context = { gate, hosts, links, prefix, onRead: (kind: 'metadata' | 'file', result: 'hit' | 'miss'): void => observer.onRead?.(kind, result) };
  const publishing = { context: { gate, own: hosts.own, onWrite }, providers: providerUploads, modules: moduleUploads };
  const documents = new JsonDocuments();
  const login = loginOf(dependencies, gate);
  const discovery = discoveryRoutes({ config, documents, prefix, login: login.enabled });
  const forms = formRoutes(publishing);
  return new TerraformDispatcher({
    gate,
    root: { base: root, routes: new RouteTable([...discovery, ...forms]) },
    api: { base: apiPath(root), routes: new RouteTable([...publishRoutes(publishing), ...manageRoutes({ gate, hosts, management: parts.management, writable: providerUploads !== null, onWrite })]) },
    registry: {
      base: prefix,
      routes: new RouteTable([
        ...discovery,
        ...forms,
        ...loginRoutes(login),
        ...serviceRoutes({ config, prefix, own: hosts.own }),
        ...fileRoutes({ context, links, providers, modules, linkSeconds: parts.linkSeconds }),
        ...providerRoutes({ context, reader: providers, documents }),
        // A module may be called as those of the catalogue, which is asked for by fewer parts.
        ...moduleRoutes({ context, reader: modules, documents }),
        ...catalogueRoutes({ context, config, reader: modules, documents }),
      ]),
    },
  });
}

function loginOf({ parts, access, tokens, config, loginDays, clock }: TerraformDependencies, gate: Gate): Parameters<typeof loginRoutes>[0] {
  return {
    access,
    gate,
    tokens,
    codes: new LoginCodes({ secret: config.secretKey, clock }),
    own: parts.hosts.own,
    days: loginDays,
    // Tokens are stored where packages are.
    enabled: parts.providerUploads !== null && (config.usersFile !== null || config.adminToken !== null),
    clock,
  };
}
