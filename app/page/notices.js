/** What is said to everybody: a line for screen readers, a note with an undo, a banner while the server is away. */

import { button, byId, h, show } from "./dom.js";
import { t } from "./words.js";

const NOTE_MS = 20000;
let clearing = 0;

/** Read out when convenient. */
export function say(text) {
  byId("said").textContent = text;
}

/**
 * A note at the foot of the window, with an undo if there is one.
 * @param {string} text
 * @param {(() => void)|null} [undo]
 */
export function note(text, undo = null) {
  const undone = () => {
    dismiss(); // first: what is undone may have something to say
    undo?.();
    say(t("undone"));
  };
  byId("note").replaceChildren(
    h("span", {}, text),
    ...(undo ? [button(t("undo"), undone, { icon: "undo", kind: "inverse" })] : []),
    button("", dismiss, { icon: "close", label: t("dismiss"), kind: "inverse" }),
  );
  show(byId("note"), true);
  clearTimeout(clearing);
  clearing = setTimeout(dismiss, NOTE_MS);
}

/** The note goes: what it would undo is no longer the last thing that was done. */
export function dismiss() {
  show(byId("note"), false);
}

/** At the head of the page until it is called with an empty text. */
export function banner(text) {
  byId("banner").textContent = text;
  show(byId("banner"), text !== "");
}
