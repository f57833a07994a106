/** Idempotency keys. */

/**
 * 32 random hexadecimal digits.
 *
 * `crypto.randomUUID` is missing on plain-http pages. Without `crypto` at all (React Native), `Math.random` is
 * enough: a key is no secret, and has to differ from its owner's other keys only.
 */
export function randomKey(): string {
  const { crypto } = globalThis as { crypto?: Crypto };
  const bytes = crypto
    ? crypto.getRandomValues(new Uint8Array(16))
    : Uint8Array.from({ length: 16 }, () => Math.random() * 256);
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
