/** Access tokens on requests, renewed when they are refused. */

import { isRefusal } from "./errors.js";
import { unlessAborted } from "./waiting.js";

export interface Tokens {
  accessToken: string;
  /** Spent once: each renewal gives another. */
  refreshToken: string;
}

/** Where tokens are kept. Pages and processes that share a place share a session. */
export interface TokenStorage {
  load(): Tokens | undefined | Promise<Tokens | undefined>;
  /** Undefined when nobody is logged in any more. */
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

/** In the browser's `localStorage`, which all pages of the origin share and every script on them can read. */
export function inLocalStorage(name = "shop-tokens"): TokenStorage {
  return {
    load: () => JSON.parse(localStorage.getItem(name) ?? "null") ?? undefined,
    save(tokens) {
      if (tokens) localStorage.setItem(name, JSON.stringify(tokens));
      else localStorage.removeItem(name);
    },
  };
}

/** The tokens in a stored or received value, or undefined where it has none. */
export function tokensIn(value: unknown): Tokens | undefined {
  const { accessToken, refreshToken } = (value ?? {}) as Partial<Tokens>;
  const found = typeof accessToken === "string" && typeof refreshToken === "string";
  return found ? { accessToken, refreshToken } : undefined;
}

/**
 * A storage that never throws: tokens that it cannot save are kept in memory.
 *
 * @param onSessionEnd called when there are no tokens any more, for whatever reason
 */
export function dependable(storage: TokenStorage, onSessionEnd: () => void): TokenStorage {
  // A rejection of its own, so that an error of the callback never replaces the caller's result.
  const notify = async () => onSessionEnd();
  let known: Tokens | undefined;
  let saves = 0;
  let unsaved = false;

  /** Whether the session ended by that. */
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
        // Forbidden or damaged: what is known is all there is.
      }
      // Nothing older than a save counts. Another page may have ended the session.
      if (begun === saves && keep(tokens)) void notify();
      return known;
    },

    async save(tokens) {
      const save = ++saves;
      const ended = keep(tokens);
      unsaved = true;
      try {
        await storage.save(tokens);
        if (save === saves) unsaved = false;
      } catch {
        // Full or forbidden: the next one may succeed.
      }
      if (ended) void notify();
    },
  };
}

/** @param mayBeDone whether an earlier try may have been done */
type Send = (request: Request, mayBeDone?: boolean) => Promise<Response>;

/** Sends with the stored access token; once more with a new one where it is no longer good. */
export function authorized(
  send: Send,
  storage: TokenStorage,
  renew: (refreshToken: string) => Promise<Tokens>,
): (request: Request) => Promise<Response> {
  let renewing: Promise<Tokens | undefined> | undefined;

  return async (request) => {
    const tokens = await storage.load();
    if (tokens === undefined) return send(request);
    try {
      return await send(bearing(tokens, request));
    } catch (error) {
      if (!isRefusal(error, "UNAUTHORIZED")) throw error;
      // All that are refused meanwhile wait for the same renewal, which one that is aborted leaves to the others.
      renewing ??= renewed(tokens).finally(() => {
        renewing = undefined;
      });
      const fresh = await unlessAborted(renewing, request.signal);
      if (fresh === undefined) throw error;
      return send(bearing(fresh, request), error.mayBeDone);
    }
  };

  /** Undefined where the session has ended. */
  async function renewed(refused: Tokens): Promise<Tokens | undefined> {
    const stored = await storage.load();
    if (stored === undefined || stored.accessToken !== refused.accessToken) return stored;
    let fresh: Tokens | undefined;
    try {
      fresh = await renew(stored.refreshToken);
    } catch (error) {
      if (!isRefusal(error, "UNAUTHORIZED")) throw error;
    }
    // Somebody may have logged out, or in, or renewed them elsewhere.
    const present = await storage.load();
    if (present?.refreshToken !== stored.refreshToken) return present;
    await storage.save(fresh);
    return fresh;
  }
}

/** The same request, since the signal of a copy may be lost. */
function bearing(tokens: Tokens, request: Request): Request {
  request.headers.set("Authorization", `Bearer ${tokens.accessToken}`);
  return request;
}
