/** The value of the `Via` header of everything that we send: RFC 9110 §7.6.3. @param before that of the request that made us send. */
export function viaOf(instanceId: string, before?: string): string {
  return before === undefined ? `1.1 ${instanceId}` : `${before}, 1.1 ${instanceId}`;
}

/**
 * Whether a request with this `Via` header has been through ourselves: it is answered with 508, for it would go round for ever.
 * @param header as Node gives it: several header lines joined by commas, or a list of them.
 */
export function viaHasLoop(header: string | readonly string[] | undefined, instanceId: string): boolean {
  if (header === undefined) {
    return false;
  }
  const lines = typeof header === 'string' ? [header] : header;
  const hops = lines.flatMap((line) => line.split(','));
  return hops.some((hop) => hop.trim().split(/\s+/)[1]?.toLowerCase() === instanceId.toLowerCase());
}
