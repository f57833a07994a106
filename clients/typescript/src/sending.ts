/** Sends a request until it is answered: with a timeout, and again only where that is safe. */

import { NoAnswer, ShopError } from "./errors.js";
import type { ErrorContent } from "./openapi.js";
import { reasonOf, sleep, withTimeout } from "./waiting.js";

export interface Sending {
  /** As the platform's; it gets a `Request`, and for each try an `init` that overrides its body and signal. */
  fetch: (request: Request, init: RequestInit) => Promise<Response>;
  /** Milliseconds for one try, its whole body included. */
  timeout: number;
  /** Tries in all. */
  attempts: number;
  /** The most milliseconds to wait between two; where the API asks for more, its refusal is thrown. */
  longestWait: number;
}

export interface Safety {
  /** Whether the request may be done twice; decided by the request itself unless given. */
  repeatable?: boolean;
  /** When the last try has to begin, in milliseconds as of `Date.now()`. */
  until?: number;
  /** Whether it was sent before, and may have been done then. */
  mayBeDone?: boolean;
}

const FIRST_WAIT = 200; // milliseconds

// Sent again after they were done, these are refused, and a wrong current password counts as a guess.
const SPENDING = /\/(password|password-resets\/[^/]+|email-verifications\/[^/]+)$/;

const COLLECTION = /\/api\/(users|products|orders|sessions|users\/[^/]+\/orders)$/;
const ITEM = /\/api\/(users|products|users\/[^/]+\/orders)\/[^/]+$/;

// The tokens in its response are checked before they are saved.
const GRANTING = /\/sessions$/;

/** The answer, if the API did what was asked or has nothing new (304); else throws. */
export async function send(
  request: Request,
  { fetch, timeout, attempts, longestWait }: Sending,
  safety: Safety = {},
): Promise<Response> {
  // The request itself stays unread, and is never copied: a copy's signal is lost in a garbage collection.
  const body = await request.clone().text();
  const { repeatable = isRepeatable(request, body), until = Number.POSITIVE_INFINITY } = safety;
  let { mayBeDone = false } = safety;
  for (let attempt = 1; ; attempt++) {
    const outcome = await once(request, body, fetch, timeout, mayBeDone);
    if (outcome instanceof Response) return outcome;
    const lost = outcome instanceof NoAnswer || outcome.code === "SERVICE_UNAVAILABLE";
    // Whoever is told that there were too many knows that nothing was done.
    const again = lost ? repeatable : outcome.code === "TOO_MANY_REQUESTS";
    const asked = (outcome.retryAfter ?? 0) * 1000;
    // Full jitter, on top of what the API asks for, so that clients do not come back all at once.
    const wait = asked + Math.random() * Math.min(longestWait, FIRST_WAIT * 2 ** (attempt - 1));
    if (!again || attempt >= attempts || asked > longestWait || Date.now() + wait > until) {
      throw outcome;
    }
    mayBeDone ||= lost;
    await sleep(wait, request.signal);
  }
}

function isRepeatable(request: Request, body: string): boolean {
  switch (request.method) {
    case "POST":
      return request.headers.has("Idempotency-Key");
    case "PUT":
      return !SPENDING.test(pathOf(request));
    case "PATCH":
      // What is set stays the same set twice; what is added does not.
      return request.headers.has("If-Match") || !body.includes('"stockDelta"');
    default:
      return true;
  }
}

async function once(
  request: Request,
  body: string,
  fetch: Sending["fetch"],
  timeout: number,
  mayBeDone: boolean,
): Promise<Response | ShopError | NoAnswer> {
  let answer: Response | undefined;
  let retryAfter: number | undefined;
  try {
    return await withTimeout(timeout, request.signal, async (signal) => {
      // Followed, a redirect turns a POST into a GET, and may lead to somebody else.
      const init: RequestInit = { signal, redirect: "manual", ...(body && { body }) };
      answer = await fetch(request, init);
      retryAfter = secondsUntil(answer.headers);
      // Read here, so that an answer that breaks off is a lost one too.
      const text = await answer.text();
      if (answer.redirected) throw new Error("It was redirected.");
      if (answer.status === 304 && request.headers.has("If-None-Match")) {
        return new Response(null, answer);
      }
      if (answer.ok && request.method === "HEAD") return new Response(null, answer);
      if (answer.ok && isWithoutContent(request)) {
        if (answer.status !== 204) throw new Error("It is no 204.");
        return new Response(null, answer);
      }
      const content = objectIn(text);
      if (answer.ok) {
        requireShape(request, content);
        return new Response(text, answer);
      }
      return new ShopError(answer.status, errorIn(content), retryAfter, mayBeDone);
    });
  } catch (cause) {
    if (request.signal.aborted) throw reasonOf(request.signal); // the caller wants no answer any more
    return noAnswer(request, { answer, retryAfter, cause });
  }
}

/** That a request got no answer of the API's, but perhaps one of somebody else, such as a proxy. */
export function noAnswer(
  request: Pick<Request, "method" | "url">,
  {
    answer,
    ...options
  }: { answer?: Response | undefined; retryAfter?: number | undefined; cause: unknown },
): NoAnswer {
  const status = answer ? `, but HTTP ${answer.status} of somebody else` : "";
  return new NoAnswer(
    `No answer of the shop to ${request.method} ${pathOf(request)}${status}`,
    options,
  );
}

/** React Native's `URL` has no `pathname`. */
function pathOf({ url }: Pick<Request, "url">): string {
  return url.replace(/^[^/]*\/\/[^/?#]*/, "").replace(/[?#].*$/, "");
}

function isWithoutContent(request: Request): boolean {
  const { method } = request;
  return method === "DELETE" || (method === "PUT" && SPENDING.test(pathOf(request)));
}

/** Throw if a successful response cannot be the API's, so a proxy's JSON never passes for a result. */
function requireShape(request: Request, { id, data, meta }: Record<string, unknown>): void {
  const path = pathOf(request);
  const isCollection = COLLECTION.test(path);
  if (request.method === "GET" && isCollection) {
    if (!Array.isArray(data) || typeof meta !== "object" || meta === null) {
      throw new Error("It is no page of a list.");
    }
  } else if (request.method === "POST" ? isCollection && !GRANTING.test(path) : ITEM.test(path)) {
    if (typeof id !== "string") throw new Error("It has no id.");
  }
}

/** Every answer with a body is a JSON object. */
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

/** `Retry-After`, a number of seconds or a date (RFC 9110, section 10.2.3). */
function secondsUntil(headers: Headers): number | undefined {
  const value = headers.get("Retry-After") ?? "";
  if (/^\d+$/.test(value)) return Number(value) || undefined;
  const date = dateIn(value);
  // Counted by the clock of whoever wrote it, where its `Date` may be read.
  const now = dateIn(headers.get("Date") ?? "") || Date.now();
  return date > now ? Math.ceil((date - now) / 1000) : undefined;
}

/** Milliseconds, or NaN. All dates of HTTP are in GMT, though the oldest form does not say so. */
function dateIn(value: string): number {
  return Date.parse(value.endsWith("GMT") ? value : `${value} GMT`);
}
