import { All, Controller, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';

import { ProxyError } from '@oci-package-proxy/errors';

/** Every request of pypi clients. */
@Controller()
export class PypiController {
  @All('*')
  answer(@Req() request: FastifyRequest): never {
    throw new ProxyError('not-found', `${request.method}: there is no such route of pypi yet.`);
  }
}
