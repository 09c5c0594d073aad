// Polling of what changes by itself, while somebody looks at it.

const INTERVAL = 2000; // milliseconds
const SLOW_INTERVAL = 10000; // after a failure

/**
 * Call `update({signal, isFirst})` now and every two seconds while the page is visible, until it returns false or
 * the screen is left. What it throws first is thrown here; later failures go to `onFailure`, and it is tried again.
 * Return a function that stops it; a screen gives that to `leave`.
 */
export async function live(update, { interval = INTERVAL, onFailure = () => {} } = {}) {
  const controller = new AbortController();
  let timer = null;
  const stop = () => {
    controller.abort();
    clearTimeout(timer);
    document.removeEventListener("visibilitychange", wake);
  };
  const plan = (wait) => {
    clearTimeout(timer);
    if (!controller.signal.aborted && !document.hidden) timer = setTimeout(tick, wait);
  };
  const tick = async () => {
    try {
      const goesOn = await update({ signal: controller.signal, isFirst: false });
      if (goesOn === false) return stop();
      plan(interval);
    } catch (error) {
      if (error.name === "AbortError") return;
      onFailure(error);
      if (error.status === 401 || error.status === 404) stop();
      else plan(SLOW_INTERVAL);
    }
  };
  const wake = () => (document.hidden ? clearTimeout(timer) : plan(0));
  document.addEventListener("visibilitychange", wake);
  try {
    if ((await update({ signal: controller.signal, isFirst: true })) === false) stop();
    else plan(interval);
  } catch (error) {
    stop();
    throw error;
  }
  return stop;
}
