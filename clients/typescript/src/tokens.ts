/** Tokens: authorize requests, and renew rejected access tokens. */

import { hasCode } from "./errors.js";
import { unlessAborted } from "./waiting.js";

export interface Tokens {
  accessToken: string;
  /** Valid for one renewal, which returns its successor. */
  refreshToken: string;
}

/** Storage of tokens. Pages and processes with the same storage share a session. */
export interface TokenStorage {
  load(): Tokens | undefined | Promise<Tokens | undefined>;
  /** Save the tokens; undefined after the session has ended. */
  save(tokens: Tokens | undefined): void | Promise<void>;
}

export function inMemory(tokens?: Tokens): TokenStorage {
  return {
    load: () => tokens,
    save: (saved) => {
      tokens = saved;
    },
  };
}

/** Store tokens in the browser's `localStorage`: shared by all pages of the origin, readable by every script on them. */
export function inLocalStorage(name = "shop-tokens"): TokenStorage {
  return {
    load: () => JSON.parse(localStorage.getItem(name) ?? "null") ?? undefined,
    save(tokens) {
      if (tokens) localStorage.setItem(name, JSON.stringify(tokens));
      else localStorage.removeItem(name);
    },
  };
}

/** Return the tokens in a stored or received value, or undefined if it has none. */
export function tokensIn(value: unknown): Tokens | undefined {
  const { accessToken, refreshToken } = (value ?? {}) as Partial<Tokens>;
  const found = typeof accessToken === "string" && typeof refreshToken === "string";
  return found ? { accessToken, refreshToken } : undefined;
}

/**
 * Wrap a storage so that it never throws: tokens that it cannot save stay in memory.
 *
 * @param onSessionEnd called once the tokens are deleted, for any reason
 */
export function withMemoryFallback(storage: TokenStorage, onSessionEnd: () => void): TokenStorage {
  // In its own promise, so an error of the callback is an unhandled rejection and never replaces the caller's result.
  const notify = async () => onSessionEnd();
  let known: Tokens | undefined;
  let saves = 0;
  let unsaved = false;

  /** Remember the tokens, and return whether the session ended. */
  function keep(tokens: Tokens | undefined): boolean {
    const ended = known !== undefined && tokens === undefined;
    known = tokens;
    return ended;
  }

  return {
    async load() {
      if (unsaved) return known;
      const begun = saves;
      let tokens = known;
      try {
        tokens = tokensIn(await storage.load());
      } catch {
        // Blocked or damaged: only the tokens in memory remain.
      }
      // A save during the load is newer than its result. Another page may have ended the session.
      if (begun === saves && keep(tokens)) void notify();
      return known;
    },

    async save(tokens) {
      let save = ++saves;
      const ended = keep(tokens);
      unsaved = true;
      try {
        await storage.save(tokens);
        // This save may have overwritten one that began later.
        while (save !== saves) {
          save = saves;
          await storage.save(known);
        }
        unsaved = false;
      } catch {
        // Full or blocked: the next save may succeed.
      }
      if (ended) void notify();
    },
  };
}

/** Run work, alone among all pages or processes that share the tokens. */
export type Lock = <Result>(work: () => Promise<Result>) => Promise<Result>;

/** @param mayBeDone whether an earlier attempt may have been committed */
type Send = (request: Request, mayBeDone?: boolean) => Promise<Response>;

/** Send with the stored access token; if the API rejects it, renew it and send once more. */
export function authorized(
  send: Send,
  storage: TokenStorage,
  renew: (refreshToken: string) => Promise<Tokens | undefined>,
  lock: Lock,
): (request: Request) => Promise<Response> {
  let renewing: Promise<Tokens | undefined> | undefined;

  return async (request) => {
    const tokens = await storage.load();
    if (tokens === undefined) return send(request);
    try {
      return await send(authorizeRequest(tokens, request));
    } catch (error) {
      if (!hasCode(error, "UNAUTHORIZED")) throw error;
      // All requests rejected meanwhile share one renewal. An aborted request leaves it to the others.
      renewing ??= lock(() => renewed(tokens)).finally(() => {
        renewing = undefined;
      });
      const fresh = await unlessAborted(renewing, request.signal);
      if (fresh === undefined) throw error;
      return send(authorizeRequest(fresh, request), error.mayBeDone);
    }
  };

  /** Return renewed tokens, or undefined if the session has ended. */
  async function renewed(refused: Tokens): Promise<Tokens | undefined> {
    const stored = await storage.load();
    if (stored === undefined || stored.accessToken !== refused.accessToken) return stored;
    let fresh: Tokens | undefined;
    try {
      fresh = await renew(stored.refreshToken);
    } catch (error) {
      if (!hasCode(error, "UNAUTHORIZED")) throw error;
    }
    // Another call or page may have logged out, logged in or renewed the tokens.
    const present = await storage.load();
    if (present?.refreshToken !== stored.refreshToken) return present;
    await storage.save(fresh);
    return fresh;
  }
}

/** Authorize the request itself, since a copy may lose its signal. */
function authorizeRequest(tokens: Tokens, request: Request): Request {
  request.headers.set("Authorization", `Bearer ${tokens.accessToken}`);
  return request;
}
