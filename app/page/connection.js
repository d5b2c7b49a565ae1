/** Waiting: for a server that is away, and for one that is busy. */

import { HOME } from "./dom.js";
import { banner, say } from "./notices.js";
import { t } from "./words.js";

const SHORTEST_MS = 500;
const LONGEST_MS = 5000;
/** @type {Promise<void>|null} */
let waiting = null;

/** Resolves when the server answers again, however long that takes; says so meanwhile. */
export function serverIsBack(signal) {
  waiting ??= poll().finally(() => {
    waiting = null;
  });
  return unlessAborted(waiting, signal);
}

/** Resolves after so many seconds, and says why. */
export async function whileBusy(problem, signal) {
  banner(t("server.busy", { n: problem.retryAfter }));
  await unlessAborted(sleep(1000 * problem.retryAfter), signal).finally(() => banner(""));
}

/** @param {number} ms */
export function sleep(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

async function poll() {
  banner(t("server.away"));
  for (let pause = SHORTEST_MS; !(await isReady()); pause = Math.min(2 * pause, LONGEST_MS)) await sleep(pause);
  banner("");
  say(t("server.back"));
}

async function isReady() {
  try {
    return (await fetch(new URL("readyz", HOME), { cache: "no-store" })).ok;
  } catch {
    return false;
  }
}

function unlessAborted(promise, signal) {
  if (!signal) return promise;
  const aborted = new Promise((_, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
  });
  return Promise.race([promise, aborted]);
}
