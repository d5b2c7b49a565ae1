/** What leaves the page: to the clipboard, or as a file. */

import { button, h } from "./dom.js";
import { note, say } from "./notices.js";
import { t } from "./words.js";

const COPIED_MS = 1500;
const SAVED_MS = 60000; // until a browser has a file for certain

/** A button that copies. @param {() => string} text */
export function copier(title, text, label = null, kind = "quiet") {
  const copy = button(title, () => copied(copy, text()), { icon: "copy", label, kind });
  return copy;
}

async function copied(copy, text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    return note(t("copy.failed"));
  }
  say(t("copied"));
  copy.classList.add("done");
  setTimeout(() => copy.classList.remove("done"), COPIED_MS);
}

/** Gives a file to the person. @param {Blob} blob */
export function download(blob, filename) {
  const url = URL.createObjectURL(blob);
  h("a", { href: url, download: filename }).click();
  setTimeout(() => URL.revokeObjectURL(url), SAVED_MS);
}
