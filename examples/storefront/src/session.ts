/** The session: the client with its tokens, which all tabs share, and sign-in by password or OAuth. */

import { createShop, type TokenStorage, type Tokens } from "@shop-backend/client";

const API = import.meta.env.VITE_SHOP_URL;
const CLIENT_ID = import.meta.env.VITE_CLIENT_ID;
const SCOPES = "account:read orders:read orders:write";

/** Whether the stack offers OAuth. */
export const hasOAuth = CLIENT_ID !== "";
export const TOKENS = "storefront.tokens";
const SIGN_IN = "storefront.sign-in";

// One place for both kinds of tokens, so that those of one user replace those of another.
const oauthRefreshTokens = new Set<string>();

const storage: TokenStorage = {
  load() {
    const stored = JSON.parse(localStorage.getItem(TOKENS) ?? "null");
    if (stored?.isOAuth) oauthRefreshTokens.add(stored.refreshToken);
    return stored ?? undefined;
  },
  save(tokens) {
    if (tokens) {
      const isOAuth = oauthRefreshTokens.has(tokens.refreshToken);
      localStorage.setItem(TOKENS, JSON.stringify({ ...tokens, isOAuth }));
    } else {
      localStorage.removeItem(TOKENS);
    }
  },
};

export const shop = createShop({
  baseUrl: API,
  tokens: storage,
  // Another tab may renew the same tokens.
  lock: async (work) => await navigator.locks.request("storefront.renewal", work),
  renew: (refreshToken, renewSession) =>
    oauthRefreshTokens.has(refreshToken) ? renewByOAuth(refreshToken) : renewSession(refreshToken),
});

export async function isSignedIn(): Promise<boolean> {
  return (await storage.load()) !== undefined;
}

export async function signOut(): Promise<void> {
  const tokens = await storage.load();
  if (tokens === undefined || !oauthRefreshTokens.has(tokens.refreshToken)) return shop.logOut();
  try {
    await send("/oauth/revoke", { token: tokens.refreshToken });
  } finally {
    await storage.save(undefined);
  }
}

/** Leave for the shop's sign-in page (RFC 6749, 4.1.1, with PKCE). */
export async function beginSignIn(): Promise<void> {
  const [state, verifier] = [randomText(), randomText()];
  sessionStorage.setItem(SIGN_IN, JSON.stringify({ state, verifier }));
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier));
  const query = new URLSearchParams({
    response_type: "code",
    client_id: CLIENT_ID,
    redirect_uri: redirectUri(),
    scope: SCOPES,
    state,
    code_challenge: base64Url(new Uint8Array(digest)),
    code_challenge_method: "S256",
  });
  location.assign(`${API}/oauth/authorize?${query}`);
}

/** Complete the sign-in if this page is its redirect URI. Return whether it was refused. */
export async function completeSignIn(): Promise<"none" | "signed in" | "refused"> {
  if (location.pathname !== "/callback") return "none";
  const received = new URLSearchParams(location.search);
  // Remove the code from the address bar and the history.
  history.replaceState(null, "", "/");
  const begun = JSON.parse(sessionStorage.getItem(SIGN_IN) ?? "null");
  sessionStorage.removeItem(SIGN_IN);
  const code = received.get("code");
  if (begun === null || received.get("state") !== begun.state || code === null) return "refused";
  const tokens = await exchange({
    grant_type: "authorization_code",
    code,
    redirect_uri: redirectUri(),
    code_verifier: begun.verifier,
  });
  if (tokens === undefined) return "refused";
  await storage.save(tokens);
  return "signed in";
}

function renewByOAuth(refreshToken: string): Promise<Tokens | undefined> {
  return exchange({ grant_type: "refresh_token", refresh_token: refreshToken });
}

/** Return tokens, or undefined if the grant is rejected; throw without a response. */
async function exchange(grant: Record<string, string>): Promise<Tokens | undefined> {
  const response = await send("/oauth/token", grant);
  if (response.status === 400) return undefined;
  if (!response.ok) throw new Error(`HTTP ${response.status} of the token endpoint`);
  const { access_token: accessToken, refresh_token: refreshToken } = await response.json();
  oauthRefreshTokens.add(refreshToken);
  return { accessToken, refreshToken };
}

function send(path: string, form: Record<string, string>): Promise<Response> {
  const body = new URLSearchParams({ ...form, client_id: CLIENT_ID });
  return fetch(API + path, { method: "POST", body, credentials: "omit" });
}

function redirectUri(): string {
  return `${location.origin}/callback`;
}

function randomText(): string {
  return base64Url(crypto.getRandomValues(new Uint8Array(32)));
}

function base64Url(bytes: Uint8Array): string {
  const text = btoa(String.fromCharCode(...bytes));
  return text.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
