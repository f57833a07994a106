/** Webhooks: verification of deliveries, by Standard Webhooks (scheme `v1`). Runs wherever WebCrypto does. */

/** An event of the shop: a CloudEvent. Later versions may have other types and more fields. */
export interface WebhookEvent {
  specversion: "1.0";
  /** The same for every delivery of this event: use it to process an event once. */
  id: string;
  source: string;
  type: string;
  /** The id of the user, order or endpoint. */
  subject: string;
  time: string;
  dataschema: string;
  correlationid?: string;
  data: Record<string, unknown>;
}

/** The headers of a request: `Headers`, or an object such as Node's `request.headers`. */
export type WebhookHeaders = Headers | Record<string, string | string[] | undefined>;

export interface VerifyOptions {
  /** Seconds that the timestamp may differ from this machine's clock, in both directions. */
  tolerance?: number;
}

/** The delivery is not authentic, too old, or malformed: respond with 400, and process nothing. */
export class WebhookRejected extends Error {
  override readonly name = "WebhookRejected";
}

const MIN_SECRET = 24; // bytes, by the specification
const MAX_SECRET = 64;
const SIGNATURE_BYTES = 32;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/**
 * Return the event of a delivery; throw `WebhookRejected` for anything that is wrong with it.
 *
 * @param body the raw body, before any JSON parser: the signature covers its bytes
 * @param secrets the endpoint's secret, `whsec_…`, or several during a change of secrets
 */
export async function verify(
  body: Uint8Array | string,
  headers: WebhookHeaders,
  secrets: string | readonly string[],
  { tolerance = 300 }: VerifyOptions = {},
): Promise<WebhookEvent> {
  const keys = (typeof secrets === "string" ? [secrets] : secrets).map(keyOf);
  if (keys.length === 0) throw new TypeError("There is no secret.");
  const id = header(headers, "webhook-id");
  const timestamp = header(headers, "webhook-timestamp");
  if (!/^[0-9]{1,12}$/.test(timestamp)) throw new WebhookRejected("The timestamp is malformed.");
  // `NaN` allows nothing.
  if (!(Math.abs(Date.now() / 1000 - Number(timestamp)) <= tolerance)) {
    throw new WebhookRejected("The timestamp is outside the tolerance.");
  }
  const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
  const prefix = new TextEncoder().encode(`${id}.${timestamp}.`);
  const content = new Uint8Array(prefix.length + bytes.length);
  content.set(prefix);
  content.set(bytes, prefix.length);
  if (!(await isSigned(content, header(headers, "webhook-signature"), keys))) {
    throw new WebhookRejected("No signature matches.");
  }
  return eventOf(bytes);
}

async function isSigned(
  content: BufferSource,
  signatures: string,
  keys: readonly Bytes[],
): Promise<boolean> {
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  for (const key of keys) {
    const imported = await crypto.subtle.importKey("raw", key, algorithm, false, ["verify"]);
    for (const signature of signatures.split(" ")) {
      const [version, text = "", ...more] = signature.split(",");
      const bytes = fromBase64(text);
      if (version !== "v1" || more.length > 0 || bytes?.length !== SIGNATURE_BYTES) continue;
      // In constant time, as WebCrypto specifies.
      if (await crypto.subtle.verify("HMAC", imported, bytes, content)) return true;
    }
  }
  return false;
}

type Bytes = Uint8Array<ArrayBuffer>;

/** Return the bytes of a secret. A malformed one is an error of the program, not of a delivery. */
function keyOf(secret: string): Bytes {
  const key = secret.startsWith("whsec_") ? fromBase64(secret.slice("whsec_".length)) : undefined;
  if (key === undefined || key.length < MIN_SECRET || key.length > MAX_SECRET) {
    throw new TypeError("A secret is whsec_ and the Base64 of 24 to 64 bytes.");
  }
  return key;
}

function fromBase64(text: string): Bytes | undefined {
  if (!BASE64.test(text)) return undefined;
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

function header(headers: WebhookHeaders, name: string): string {
  const value = headers instanceof Headers ? headers.get(name) : headers[name];
  if (typeof value !== "string" || value === "")
    throw new WebhookRejected(`The header ${name} is missing.`);
  return value;
}

function eventOf(bytes: Uint8Array): WebhookEvent {
  let event: unknown;
  try {
    event = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw new WebhookRejected("The body is not JSON.");
  }
  if (!isEvent(event)) throw new WebhookRejected("The body is not an event.");
  return event;
}

function isEvent(value: unknown): value is WebhookEvent {
  return (
    typeof value === "object" &&
    value !== null &&
    "id" in value &&
    typeof value.id === "string" &&
    "type" in value &&
    typeof value.type === "string"
  );
}
