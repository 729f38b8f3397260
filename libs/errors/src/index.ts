export { ERROR_CODES, type ErrorCode } from './error-code.ts';
export { ProxyError, type ProxyErrorDetails, isProxyError, toProxyError } from './proxy-error.ts';
export { redactUrl } from './redact-url.ts';
