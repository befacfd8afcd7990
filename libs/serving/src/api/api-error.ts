/**
 * What a client is told when a request cannot be served, in the shape that clients of OpenAI's API read.
 * Format: https://platform.openai.com/docs/guides/error-codes
 * @module
 */

export interface ApiErrorDetails {
  /** The field of the request that is at fault. */
  readonly param?: string | undefined
  readonly code?: string
  /** After how long another try may do better. */
  readonly retryAfterS?: number
}

export class ApiError extends Error {
  readonly status: number
  readonly details: ApiErrorDetails

  constructor(status: number, message: string, details: ApiErrorDetails = {}) {
    super(message)
    this.status = status
    this.details = details
  }
}

/** A request that is wrong as it is. */
export const invalid = (message: string, details: ApiErrorDetails = {}): ApiError =>
  new ApiError(400, message, details)

/** The error of a client, whatever was thrown. */
export function apiErrorOf(error: unknown): ApiError {
  if (error instanceof ApiError) return error
  const message = error instanceof Error ? error.message : String(error)
  return new ApiError(500, message, { code: 'internal_error' })
}

/** The body of a response. */
export function errorBody({ status, message, details }: ApiError) {
  return {
    error: { message, type: typeOf(status), param: details.param ?? null, code: details.code ?? null },
  }
}

function typeOf(status: number): string {
  if (status === 401) return 'authentication_error'
  if (status === 403) return 'permission_error'
  if (status === 404) return 'not_found_error'
  if (status === 429) return 'rate_limit_error'
  return status < 500 ? 'invalid_request_error' : 'server_error'
}
