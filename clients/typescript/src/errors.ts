/** What goes wrong: refusals of the API, and answers that never came. */

import type { ErrorContent, ErrorDetail } from "./openapi.js";

export type ErrorCode = ErrorContent["code"];

/** The API refused. Decide by `code`; `docs/errors.md` says what each means. */
export class ShopError extends Error {
  override readonly name = "ShopError";
  readonly code: ErrorCode;
  /** To quote when you report a problem. */
  readonly requestId: string;
  /** The places to point at, where there are several. */
  readonly details: readonly ErrorDetail[];

  /**
   * @param retryAfter seconds after which it may be tried again, where the API says so
   * @param mayBeDone whether an earlier try, whose answer was lost, may have been done after all
   */
  constructor(
    readonly status: number,
    content: ErrorContent,
    readonly retryAfter: number | undefined,
    readonly mayBeDone: boolean,
  ) {
    super(content.message);
    this.code = content.code;
    this.requestId = content.requestId;
    this.details = content.details ?? [];
  }
}

/** No answer of the API's: lost, too late, or somebody else's. What was asked may be done or not. */
export class NoAnswer extends Error {
  override readonly name = "NoAnswer";
}

export function isRefusal(error: unknown, code: ErrorCode): error is ShopError {
  return error instanceof ShopError && error.code === code;
}
