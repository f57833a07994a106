/** Access tokens on requests, renewed when they are refused. */

import { isRefusal } from "./errors.js";

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

type Send = (request: Request) => Promise<Response>;

/** Sends with the stored access token; once more with a new one where it is no longer good. */
export function authorized(
  send: Send,
  storage: TokenStorage,
  renew: (refreshToken: string) => Promise<Tokens>,
): Send {
  let renewing: Promise<Tokens | undefined> | undefined;

  return async (request) => {
    const tokens = await storage.load();
    if (tokens === undefined) return send(request);
    try {
      return await send(bearing(tokens, request));
    } catch (error) {
      if (!isRefusal(error, "UNAUTHORIZED")) throw error;
      // All that are refused meanwhile wait for the same renewal.
      renewing ??= renewed(tokens).finally(() => {
        renewing = undefined;
      });
      const fresh = await renewing;
      if (fresh === undefined) throw error;
      return send(bearing(fresh, request));
    }
  };

  /** Undefined where the session has ended. */
  async function renewed(refused: Tokens): Promise<Tokens | undefined> {
    const stored = await storage.load();
    if (stored === undefined || stored.accessToken !== refused.accessToken) return stored;
    let fresh: Tokens | undefined;
    try {
      const { accessToken, refreshToken } = await renew(stored.refreshToken);
      fresh = { accessToken, refreshToken };
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

function bearing(tokens: Tokens, request: Request): Request {
  const copy = request.clone();
  copy.headers.set("Authorization", `Bearer ${tokens.accessToken}`);
  return copy;
}
