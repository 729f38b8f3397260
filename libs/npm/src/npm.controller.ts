import { All, Controller, Inject, Req, Res, type Type } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';

import { NpmDispatcher } from './npm.dispatcher.ts';

/** The controller of the registry below `basePath` (`''`, or like `/npm`): one route for all, as the path has to be read raw. */
export function createNpmController(basePath: string): Type {
  @Controller(basePath)
  class NpmController {
    readonly #dispatcher: NpmDispatcher;

    constructor(@Inject(NpmDispatcher) dispatcher: NpmDispatcher) {
      this.#dispatcher = dispatcher;
    }

    @All(['/', '*'])
    async all(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
      await this.#dispatcher.dispatch(request, reply);
    }
  }
  return NpmController;
}
