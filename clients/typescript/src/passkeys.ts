/** Passkeys in browsers: the two ceremonies of WebAuthn, with the values that the API takes. */

import type { PasskeyChallenge, PasskeyCreate, PasskeySessionCreate } from "./openapi.js";

/** Return whether this browser has passkeys. The page's origin must be one of the API's as well. */
export function isSupported(): boolean {
  return globalThis.PublicKeyCredential !== undefined;
}

/**
 * Ask the device to create a passkey. Throws the browser's `DOMException`: `NotAllowedError` if the user declines.
 *
 * @param user the name that the browser shows beside the passkey is usually the email
 */
export async function register(
  { challenge, domain }: PasskeyChallenge,
  user: { id: string; email: string; name: string },
): Promise<Omit<PasskeyCreate, "name">> {
  const credential = await navigator.credentials.create({
    publicKey: {
      challenge: bytesOf(challenge),
      rp: { id: domain, name: domain },
      user: { id: new TextEncoder().encode(user.id), name: user.email, displayName: user.name },
      pubKeyCredParams: [-7, -8, -257].map((alg) => ({ type: "public-key", alg })),
      // The passkey names its user, so a login needs no email; and a fingerprint or PIN is a factor.
      authenticatorSelection: { residentKey: "required", userVerification: "required" },
    },
  });
  const { id, response } = publicKeyCredential<AuthenticatorAttestationResponse>(credential);
  const publicKey = response.getPublicKey();
  if (publicKey === null) throw new Error("The browser cannot read the key of the passkey.");
  return {
    challenge,
    id,
    clientData: textOf(response.clientDataJSON),
    authenticatorData: textOf(response.getAuthenticatorData()),
    publicKey: textOf(publicKey),
    alg: response.getPublicKeyAlgorithm() as PasskeyCreate["alg"],
  };
}

/** Ask the device to sign a challenge with a passkey of the user's choice. Throws like `register`. */
export async function sign({ challenge, domain }: PasskeyChallenge): Promise<PasskeySessionCreate> {
  const credential = await navigator.credentials.get({
    publicKey: { challenge: bytesOf(challenge), rpId: domain, userVerification: "required" },
  });
  const { id, response } = publicKeyCredential<AuthenticatorAssertionResponse>(credential);
  return {
    challenge,
    id,
    userHandle: textOf(response.userHandle ?? new ArrayBuffer(0)),
    clientData: textOf(response.clientDataJSON),
    authenticatorData: textOf(response.authenticatorData),
    signature: textOf(response.signature),
  };
}

function publicKeyCredential<Of extends AuthenticatorResponse>(credential: Credential | null) {
  if (credential === null) throw new Error("The browser returned no passkey.");
  return credential as PublicKeyCredential & { response: Of };
}

// base64url without padding

function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  const base64 = text.replace(/-/g, "+").replace(/_/g, "/");
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}

function textOf(buffer: ArrayBuffer): string {
  const binary = Array.from(new Uint8Array(buffer), (byte) => String.fromCharCode(byte)).join("");
  return btoa(binary).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}
