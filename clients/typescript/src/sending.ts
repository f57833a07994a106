/** Transport: send requests with a timeout, and retry them if that is safe. */

import { NoAnswer, ShopError } from "./errors.js";
import type { ErrorContent } from "./openapi.js";
import { reasonOf, sleep, withTimeout } from "./waiting.js";

export interface TransportOptions {
  /** The platform's `fetch` or a replacement. The `init` of each attempt overrides the request's body and signal. */
  fetch: (request: Request, init: RequestInit) => Promise<Response>;
  /** Milliseconds for one attempt, including the whole response body. */
  timeout: number;
  /** Maximum number of attempts, including the first. */
  attempts: number;
  /** Maximum milliseconds between two attempts. If the API asks for more, its error is thrown. */
  longestWait: number;
}

export interface RetryOptions {
  /** Whether the request may be executed twice. Default: derived from the request. */
  repeatable?: boolean;
  /** Latest start of the last attempt, in milliseconds like `Date.now()`. */
  until?: number;
  /** Whether an earlier attempt may have been committed. */
  mayBeDone?: boolean;
}

const FIRST_WAIT = 200; // milliseconds

// A retry after a committed attempt fails, and a wrong current password counts as a failed login.
const SINGLE_USE = /\/(password|password-resets\/[^/]+|email-verifications\/[^/]+)$/;

// After a lost response, a retry cannot return the recovery codes.
const CONFIRMATION = /\/api\/authenticators\/[^/]+$/;

// The other requests ignore an `Idempotency-Key`.
const KEYED = /\/api\/(products|oauth-clients|webhook-endpoints|users\/[^/]+\/orders)$/;

// Their response has no field by which to know it.
const ACCEPTED = /\/api\/(password-resets|email-verifications)$/;

const COLLECTION = /\/api\/(users|products|orders|sessions|users\/[^/]+\/orders)$/;
const ITEM = /\/api\/(users|products|users\/[^/]+\/orders)\/[^/]+$/;

// The tokens in its response are checked before they are saved.
const SESSIONS = /\/sessions$/;

/**
 * Return the response, if it is successful or 304.
 *
 * @throws ShopError for an error response, NoAnswer without a valid response, the signal's reason after an abort
 */
export async function send(
  request: Request,
  { fetch, timeout, attempts, longestWait }: TransportOptions,
  retry: RetryOptions = {},
): Promise<Response> {
  // The request itself stays unread, and no copy of it is sent: a garbage collection can detach a copy's signal.
  const body = await request.clone().text();
  const { repeatable = isRepeatable(request, body), until = Number.POSITIVE_INFINITY } = retry;
  let { mayBeDone = false } = retry;
  for (let attempt = 1; ; attempt++) {
    const outcome = await once(request, body, fetch, timeout, mayBeDone);
    if (outcome instanceof Response) return outcome;
    const isLost = outcome instanceof NoAnswer || outcome.code === "SERVICE_UNAVAILABLE";
    // An attempt with 429 committed nothing, so every request may be retried.
    const canRetry = isLost ? repeatable : outcome.code === "TOO_MANY_REQUESTS";
    const minWait = (outcome.retryAfter ?? 0) * 1000;
    // Full jitter on top of `Retry-After`, so clients do not retry at the same moment.
    const wait = minWait + Math.random() * Math.min(longestWait, FIRST_WAIT * 2 ** (attempt - 1));
    if (!canRetry || attempt >= attempts || minWait > longestWait || Date.now() + wait > until) {
      throw outcome;
    }
    mayBeDone ||= isLost;
    await sleep(wait, request.signal);
  }
}

function isRepeatable(request: Request, body: string): boolean {
  switch (request.method) {
    case "POST":
      return request.headers.has("Idempotency-Key") && KEYED.test(pathOf(request));
    case "PUT":
      return !SINGLE_USE.test(pathOf(request)) && !CONFIRMATION.test(pathOf(request));
    case "PATCH":
      // Setting a field twice has the same result; adding to the stock twice does not.
      return request.headers.has("If-Match") || !body.includes('"stockDelta"');
    default:
      return true;
  }
}

async function once(
  request: Request,
  body: string,
  fetch: TransportOptions["fetch"],
  timeout: number,
  mayBeDone: boolean,
): Promise<Response | ShopError | NoAnswer> {
  let response: Response | undefined;
  let retryAfter: number | undefined;
  try {
    return await withTimeout(timeout, request.signal, async (signal) => {
      // A followed redirect turns a POST into a GET, and may lead to another server.
      const init: RequestInit = { signal, redirect: "manual", ...(body && { body }) };
      response = await fetch(request, init);
      retryAfter = secondsUntil(response.headers);
      // Read here, so a truncated body counts as a lost response.
      const text = await response.text();
      if (response.redirected) throw new Error("It was redirected.");
      if (response.status === 304 && request.headers.has("If-None-Match")) {
        return new Response(null, response);
      }
      if (response.ok && request.method === "HEAD") return new Response(null, response);
      if (response.ok && isWithoutContent(request)) {
        if (response.status !== 204) throw new Error("It is no 204.");
        return new Response(null, response);
      }
      const content = objectIn(text);
      if (response.ok) {
        if (ACCEPTED.test(pathOf(request)) && response.status !== 202) {
          throw new Error("It is no 202.");
        }
        requireShape(request, content);
        return new Response(text, response);
      }
      if (response.status < 400) throw new Error("It is a redirect.");
      return new ShopError(response.status, errorIn(content), retryAfter, mayBeDone);
    });
  } catch (cause) {
    if (request.signal.aborted) throw reasonOf(request.signal); // aborted by the caller
    return noAnswer(request, { response, retryAfter, cause });
  }
}

/** Return the error for an invalid response, such as a proxy's, or for none. */
export function noAnswer(
  request: Pick<Request, "method" | "url">,
  {
    response,
    ...options
  }: { response?: Response | undefined; retryAfter?: number | undefined; cause: unknown },
): NoAnswer {
  const status = response ? `, but HTTP ${response.status} of somebody else` : "";
  return new NoAnswer(
    `No answer of the shop to ${request.method} ${withoutToken(pathOf(request))}${status}`,
    options,
  );
}

/** Return the path without `URL`, since React Native's `URL` has no `pathname`. */
function pathOf({ url }: Pick<Request, "url">): string {
  return url.replace(/^[^/]*\/\/[^/?#]*/, "").replace(/[?#].*$/, "");
}

/** Replace the token of an emailed link, since messages are logged. */
function withoutToken(path: string): string {
  return path.replace(/\/(password-resets|email-verifications)\/[^/]+$/, "/$1/{token}");
}

function isWithoutContent(request: Request): boolean {
  const { method } = request;
  return method === "DELETE" || (method === "PUT" && SINGLE_USE.test(pathOf(request)));
}

/** Throw if a successful response cannot be the API's, so a proxy's JSON is never taken for a result. */
function requireShape(request: Request, { id, data, meta }: Record<string, unknown>): void {
  const path = pathOf(request);
  const isCollection = COLLECTION.test(path);
  if (request.method === "GET" && isCollection) {
    if (!Array.isArray(data) || typeof meta !== "object" || meta === null) {
      throw new Error("It is no page of a list.");
    }
  } else if (request.method === "POST" ? isCollection && !SESSIONS.test(path) : ITEM.test(path)) {
    if (typeof id !== "string") throw new Error("It has no id.");
  }
}

/** Parse the body: each body of the API is a JSON object. */
function objectIn(text: string): Record<string, unknown> {
  const content: unknown = JSON.parse(text);
  if (typeof content !== "object" || content === null || Array.isArray(content)) {
    throw new Error("It is no JSON object.");
  }
  return content as Record<string, unknown>;
}

function errorIn({ error }: Record<string, unknown>): ErrorContent {
  if (typeof (error as Partial<ErrorContent> | null | undefined)?.code !== "string") {
    throw new Error("It is no error of the shop's shape.");
  }
  return error as ErrorContent;
}

/** Return the seconds of `Retry-After`: a number or a date (RFC 9110, section 10.2.3). */
function secondsUntil(headers: Headers): number | undefined {
  const value = headers.get("Retry-After") ?? "";
  if (/^\d+$/.test(value)) return Number(value) || undefined;
  const date = dateIn(value);
  // By the clock of the server that wrote it, if its `Date` header is readable.
  const now = dateIn(headers.get("Date") ?? "") || Date.now();
  return date > now ? Math.ceil((date - now) / 1000) : undefined;
}

/** Parse a date to milliseconds or NaN. HTTP dates are in GMT; the oldest format omits it. */
function dateIn(value: string): number {
  return Date.parse(value.endsWith("GMT") ? value : `${value} GMT`);
}
