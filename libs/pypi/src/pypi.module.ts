import { type DynamicModule, Module } from '@nestjs/common';

import type { Access } from '@oci-package-proxy/access';
import { Gate, type PlatformConfig, RouteTable } from '@oci-package-proxy/platform';

import { apiRoutes } from './http/api-routes.ts';
import { fileRoutes } from './http/file-routes.ts';
import { pageRoutes } from './http/page-routes.ts';
import { managePath } from './http/pypi-mounts.ts';
import { serviceRoutes, strayRoutes } from './http/service-routes.ts';
import { uploadRoutes } from './http/upload-routes.ts';
import { ProjectApi } from './json-api/project-api.ts';
import { manageRoutes } from './manage/manage-routes.ts';
import { createIndexController, createManageController } from './pypi.controller.ts';
import { PypiDispatcher } from './pypi.dispatcher.ts';
import type { PypiParts } from './pypi.parts.ts';
import { ECOSYSTEM } from './model/holdings.ts';

/** What happens, for metrics. None of these may throw. */
export interface PypiObserver {
  onRead?(kind: 'metadata' | 'file', result: 'hit' | 'miss'): void;
  onWrite?(result: 'done' | 'refused' | 'failed'): void;
}

/** What {@link PypiModule} is made of. */
export interface PypiDependencies {
  readonly parts: Omit<PypiParts, 'codec'>;
  readonly access: Access;
  /** Path prefix of the index at the base: `''`, or like `/pypi`. */
  readonly prefix: string;
  /** Path prefix of the management API, before `/api/v1/pypi`. */
  readonly root: string;
  readonly config: Pick<PlatformConfig, 'publicUrl' | 'trustedProxies'>;
  readonly observer?: PypiObserver;
}

/** The indexes of Python packages and their management. */
@Module({})
export class PypiModule {
  /** The module with its two controllers. */
  static register(dependencies: PypiDependencies): DynamicModule {
    return {
      module: PypiModule,
      controllers: [createIndexController(dependencies.prefix), createManageController(managePath(dependencies.root))],
      providers: [{ provide: PypiDispatcher, useValue: createDispatcher(dependencies) }],
    };
  }
}

function createDispatcher({ parts, access, prefix, root, config, observer = {} }: PypiDependencies): PypiDispatcher {
  const { indexes, reader, uploads, management } = parts;
  const gate = new Gate({ access, config, ecosystem: ECOSYSTEM });
  const onWrite = (result: 'done' | 'refused' | 'failed'): void => observer.onWrite?.(result);
  const context = { gate, config, onRead: (kind: 'metadata' | 'file', result: 'hit' | 'miss'): void => observer.onRead?.(kind, result) };
  return new PypiDispatcher({
    gate,
    indexes,
    prefix,
    indexRoutes: new RouteTable([
      ...uploadRoutes({ gate, uploads, onWrite }),
      ...serviceRoutes(config),
      ...pageRoutes(context, reader),
      // Those of the JSON API may begin with a project's name: `files` and `integrity` are some, too.
      ...apiRoutes({ context, api: new ProjectApi({ reader }), prefix }),
      ...fileRoutes(context, reader),
      ...strayRoutes(),
    ]),
    managePath: managePath(root),
    manageRoutes: new RouteTable(manageRoutes({ gate, management, writable: uploads !== null, onWrite })),
  });
}
