/** Timeouts and sleeps that end at once if the caller aborts. */

// A longer timer fires immediately.
const MAX_TIMER = 2 ** 31 - 1; // milliseconds

/**
 * Return the work's result, or throw the signal's reason as soon as it aborts. The work itself continues.
 *
 * The work need not observe the signal, since `fetch` loses signals that are garbage-collected.
 */
export async function unlessAborted<Value>(
  work: Promise<Value>,
  signal: AbortSignal,
): Promise<Value> {
  let stop: () => void = () => undefined;
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(reasonOf(signal));
    signal.addEventListener("abort", stop);
    if (signal.aborted) stop();
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

/** Run the work like `AbortSignal.any([signal, AbortSignal.timeout(milliseconds)])`, which some engines lack. */
export async function withTimeout<Value>(
  milliseconds: number,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<Value>,
): Promise<Value> {
  if (signal.aborted) throw reasonOf(signal);
  const controller = new AbortController();
  const stop = () => controller.abort(reasonOf(signal));
  const timer = startTimer(
    () => controller.abort(named("TimeoutError", `No response within ${milliseconds} ms.`)),
    milliseconds,
  );
  signal.addEventListener("abort", stop);
  try {
    return await unlessAborted(work(controller.signal), controller.signal);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
  }
}

export async function sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const over = new Promise<void>((resolve) => {
    timer = startTimer(resolve, milliseconds);
  });
  try {
    await unlessAborted(over, signal);
  } finally {
    clearTimeout(timer);
  }
}

export function reasonOf(signal: AbortSignal): unknown {
  // Older engines have no `reason`.
  return signal.reason ?? named("AbortError", "The request was aborted.");
}

function startTimer(fire: () => void, milliseconds: number) {
  return setTimeout(fire, Math.min(milliseconds, MAX_TIMER));
}

/** Return a named error, since React Native has no `DOMException`. */
function named(name: string, message: string): Error {
  return Object.assign(new Error(message), { name });
}
