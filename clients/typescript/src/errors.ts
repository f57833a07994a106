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
  /** Whether the change may have been made after all, by this try (5xx) or an earlier one whose answer was lost. */
  readonly mayBeDone: boolean;

  /**
   * @param retryAfter seconds after which it may be tried again, where the API says so
   * @param wasLost whether the answer of an earlier try was lost
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

/** No answer of the API's: lost, too late, or somebody else's. What was asked may be done or not. */
export class NoAnswer extends Error {
  override readonly name = "NoAnswer";
  readonly mayBeDone = true;
  /** Seconds after which it may be tried again, where somebody between here and the API says so. */
  readonly retryAfter: number | undefined;

  constructor(message: string, { retryAfter, ...options }: NoAnswerOptions = {}) {
    super(message, options);
    this.retryAfter = retryAfter;
  }
}

interface NoAnswerOptions extends ErrorOptions {
  retryAfter?: number | undefined;
}

export function isRefusal(error: unknown, code: ErrorCode): error is ShopError {
  return error instanceof ShopError && error.code === code;
}
