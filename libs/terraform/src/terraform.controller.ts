import { All, Controller, Inject, Req, Res, type Type } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';

import { TerraformDispatcher } from './terraform.dispatcher.ts';

/** The controller of the registry below `prefix` (`''`, or like `/terraform`): one route for all, as the path has to be read raw. */
export function createRegistryController(prefix: string): Type {
  @Controller(prefix)
  class RegistryController {
    readonly #dispatcher: TerraformDispatcher;

    constructor(@Inject(TerraformDispatcher) dispatcher: TerraformDispatcher) {
      this.#dispatcher = dispatcher;
    }

    @All(['/', '*'])
    async all(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
      await this.#dispatcher.answer('registry', request, reply);
    }
  }
  return RegistryController;
}

/** The controller of the API for publishing and management at `path`. */
export function createApiController(path: string): Type {
  @Controller(path)
  class ApiController {
    readonly #dispatcher: TerraformDispatcher;

    constructor(@Inject(TerraformDispatcher) dispatcher: TerraformDispatcher) {
      this.#dispatcher = dispatcher;
    }

    @All(['/', '*'])
    async all(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
      await this.#dispatcher.answer('api', request, reply);
    }
  }
  return ApiController;
}

/** The controller of what clients ask of the host's root, which it shares with others: these very paths. */
export function createRootController(paths: readonly string[]): Type {
  @Controller()
  class RootController {
    readonly #dispatcher: TerraformDispatcher;

    constructor(@Inject(TerraformDispatcher) dispatcher: TerraformDispatcher) {
      this.#dispatcher = dispatcher;
    }

    @All([...paths])
    async all(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
      await this.#dispatcher.answer('root', request, reply);
    }
  }
  return RootController;
}
