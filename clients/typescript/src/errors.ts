/** Errors: error responses of the API, and requests without a valid response. */

import type { ErrorContent, ErrorDetail } from "./openapi.js";

export type ErrorCode = ErrorContent["code"];

/** An error response of the API. Branch on `code`; `docs/errors.md` explains each code. */
export class ShopError extends Error {
  override readonly name = "ShopError";
  readonly code: ErrorCode;
  /** The id of the request, for problem reports. */
  readonly requestId: string;
  /** The invalid fields; empty if the error concerns no field. */
  readonly details: readonly ErrorDetail[];
  /** Whether the change may have been committed, by this attempt (5xx) or by an earlier one without a response. */
  readonly mayBeDone: boolean;

  /**
   * @param retryAfter seconds before the next attempt, from `Retry-After`
   * @param wasLost whether the response to an earlier attempt was lost
   */
  constructor(
    readonly status: number,
    content: ErrorContent,
    readonly retryAfter: number | undefined,
    wasLost: boolean,
  ) {
    super(content.message);
    this.code = content.code;
    this.requestId = content.requestId;
    this.details = content.details ?? [];
    this.mayBeDone = wasLost || status >= 500;
  }
}

/** No valid response of the API: lost, timed out, or from another server. The change may be committed or not. */
export class NoAnswer extends Error {
  override readonly name = "NoAnswer";
  readonly mayBeDone = true;
  /** Seconds before the next attempt, from the `Retry-After` of a proxy. */
  readonly retryAfter: number | undefined;

  constructor(message: string, { retryAfter, ...options }: NoAnswerOptions = {}) {
    super(message, options);
    this.retryAfter = retryAfter;
  }
}

interface NoAnswerOptions extends ErrorOptions {
  retryAfter?: number | undefined;
}

/** Return whether the error is a response of the API with this code. */
export function hasCode(error: unknown, code: ErrorCode): error is ShopError {
  return error instanceof ShopError && error.code === code;
}
