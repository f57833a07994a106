/** Sends a request until it is answered: with a timeout, and again only where that is safe. */

import { NoAnswer, ShopError } from "./errors.js";
import type { Error as Refusal } from "./openapi.js";

export interface Sending {
  fetch: (request: Request) => Promise<Response>;
  /** Milliseconds for one try, its whole body included. */
  timeout: number;
  /** Tries in all. */
  attempts: number;
  /** The most milliseconds to wait between two; where the API asks for more, its refusal is thrown. */
  longestWait: number;
}

export interface Safety {
  /** Whether the request may be done twice. */
  repeatable: boolean;
  /** When the last try has to begin, in milliseconds as of `Date.now()`. */
  until: number;
}

const FIRST_WAIT = 200; // milliseconds

// Sent again after they were done, these are refused, and a wrong current password counts as a guess.
const SPENDING = /\/(password|password-resets\/[^/]+|email-verifications\/[^/]+)$/;

/** The answer, if the API did what was asked or has nothing new (304); else throws. */
export async function send(
  request: Request,
  { fetch, timeout, attempts, longestWait }: Sending,
  safety?: Safety,
): Promise<Response> {
  const { repeatable, until } = safety ?? {
    repeatable: await isRepeatable(request),
    until: Number.POSITIVE_INFINITY,
  };
  let mayBeDone = false;
  for (let attempt = 1; ; attempt++) {
    const outcome = await once(request.clone(), fetch, timeout, mayBeDone);
    if (outcome instanceof Response) return outcome;
    const lost = outcome instanceof NoAnswer || outcome.code === "SERVICE_UNAVAILABLE";
    // Whoever is told that there were too many knows that nothing was done.
    const again = lost ? repeatable : outcome.code === "TOO_MANY_REQUESTS";
    const asked = outcome instanceof ShopError ? (outcome.retryAfter ?? 0) * 1000 : 0;
    // Full jitter, on top of what the API asks for, so that clients do not come back all at once.
    const wait = asked + Math.random() * Math.min(longestWait, FIRST_WAIT * 2 ** (attempt - 1));
    if (!again || attempt >= attempts || asked > longestWait || Date.now() + wait > until) {
      throw outcome;
    }
    mayBeDone ||= lost;
    await sleep(wait, request.signal);
  }
}

async function isRepeatable(request: Request): Promise<boolean> {
  switch (request.method) {
    case "POST":
      return request.headers.has("Idempotency-Key");
    case "PUT":
      return !SPENDING.test(new URL(request.url).pathname);
    case "PATCH":
      // What is set stays the same set twice; what is added does not.
      return (
        request.headers.has("If-Match") || !(await request.clone().text()).includes('"stockDelta"')
      );
    default:
      return true;
  }
}

async function once(
  request: Request,
  fetch: Sending["fetch"],
  timeout: number,
  mayBeDone: boolean,
): Promise<Response | ShopError | NoAnswer> {
  const signal = AbortSignal.any([request.signal, AbortSignal.timeout(timeout)]);
  const asked = `${request.method} ${new URL(request.url).pathname}`;
  let answer: Response | undefined;
  try {
    answer = await fetch(new Request(request, { signal }));
    // Read here, so that an answer that breaks off is a lost one too.
    const text = await answer.text();
    if (answer.ok || answer.status === 304) return new Response(text || null, answer);
    const { error } = JSON.parse(text) as Refusal;
    const retryAfter = Number.parseInt(answer.headers.get("Retry-After") ?? "", 10);
    return new ShopError(answer.status, error, retryAfter || undefined, mayBeDone);
  } catch (cause) {
    request.signal.throwIfAborted(); // the caller wants no answer any more
    const status = answer ? `, but HTTP ${answer.status} of somebody else` : "";
    return new NoAnswer(`No answer of the shop to ${asked}${status}`, { cause });
  }
}

function sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", stop);
      resolve();
    }, milliseconds);
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) stop();
  });
}
