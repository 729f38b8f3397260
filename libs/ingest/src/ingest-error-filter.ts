import { Catch, type ExceptionFilter } from '@nestjs/common';
import { type Observable, throwError } from 'rxjs';

/**
 * Lets a handler's own error reach the transport. Without it Nest puts a plain object in its place, and nothing can tell
 * any more whether to try again. The ingest controllers carry it; other handlers on the same transport need it too (in a
 * hybrid app a global filter needs `inheritAppConfig`).
 */
@Catch()
export class IngestErrorFilter implements ExceptionFilter {
  catch(error: unknown): Observable<never> {
    return throwError(() => error);
  }
}
