/** Waits that end: after a time, or as soon as the caller aborts. */

// A longer timer would fire at once.
const LONGEST_TIMER = 2 ** 31 - 1; // milliseconds

/**
 * The work's result, or the signal's reason as soon as it aborts; the work itself goes on.
 *
 * It does not rely on the work to observe the signal: `fetch` loses signals that are garbage-collected.
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

/** Like `AbortSignal.any([signal, AbortSignal.timeout(milliseconds)])`, which not every engine has. */
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
  // Older engines keep no reason.
  return signal.reason ?? named("AbortError", "The request was aborted.");
}

function startTimer(fire: () => void, milliseconds: number) {
  return setTimeout(fire, Math.min(milliseconds, LONGEST_TIMER));
}

/** `DOMException` is missing in React Native. */
function named(name: string, message: string): Error {
  return Object.assign(new Error(message), { name });
}
