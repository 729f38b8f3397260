import { All, Controller, Inject, Req, Res, type Type } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';

import { PypiDispatcher } from './pypi.dispatcher.ts';

/** The controller of all indexes below `prefix` (`''`, or like `/pypi`): one route for all, as the path has to be read raw. */
export function createIndexController(prefix: string): Type {
  @Controller(prefix)
  class IndexController {
    readonly #dispatcher: PypiDispatcher;

    constructor(@Inject(PypiDispatcher) dispatcher: PypiDispatcher) {
      this.#dispatcher = dispatcher;
    }

    @All(['/', '*'])
    async all(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
      await this.#dispatcher.index(request, reply);
    }
  }
  return IndexController;
}

/** The controller of the management API at `path`. */
export function createManageController(path: string): Type {
  @Controller(path)
  class ManageController {
    readonly #dispatcher: PypiDispatcher;

    constructor(@Inject(PypiDispatcher) dispatcher: PypiDispatcher) {
      this.#dispatcher = dispatcher;
    }

    @All(['/', '*'])
    async all(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
      await this.#dispatcher.manage(request, reply);
    }
  }
  return ManageController;
}
