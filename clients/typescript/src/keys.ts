/** Idempotency keys. */

/**
 * Return 32 random hexadecimal digits.
 *
 * `crypto.randomUUID` is missing on plain-http pages. Without `crypto` (React Native), `Math.random`
 * suffices: a key is not a secret, and only has to differ from the other keys of its user.
 */
export function randomKey(): string {
  const { crypto } = globalThis as { crypto?: Crypto };
  const bytes = crypto
    ? crypto.getRandomValues(new Uint8Array(16))
    : Uint8Array.from({ length: 16 }, () => Math.random() * 256);
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
