/** The API key, where the server asks for one. It is kept for as long as the tab is open. */

import { button, byId, h } from "./dom.js";
import { t } from "./words.js";

const NAME = "kshot-key";
/** @type {Promise<boolean>|null} */
let asking = null;
/** Of a shared model, in place of a key. @type {string|null} */
let shared = null;

/** Sends this token from now on, and asks nobody for a key. */
export function sendToken(token) {
  shared = token;
}

/** What a request has to carry. */
export function keyHeaders() {
  const key = shared ?? sessionStorage.getItem(NAME);
  return key ? { Authorization: `Bearer ${key}` } : {};
}

/** Asks the person, once for all requests that wait; false if there is no answer. */
export function askForKey(why) {
  if (shared !== null) return Promise.resolve(false);
  asking ??= asked(why).finally(() => {
    asking = null;
  });
  return asking;
}

function asked(why) {
  const dialog = byId("key");
  const input = h("input", { type: "password", autocomplete: "off", required: true, id: "key-input" });
  return new Promise((resolve) => {
    const keep = (event) => {
      event.preventDefault();
      sessionStorage.setItem(NAME, input.value.trim());
      resolve(true);
      dialog.close();
    };
    dialog.replaceChildren(
      h(
        "form",
        { onsubmit: keep },
        h("h2", {}, t("key.title")),
        h("p", {}, why),
        h("label", { for: "key-input" }, t("key")),
        input,
        h("div", { class: "row" }, h("button", { class: "primary" }, t("key.use")), button(t("cancel"), () => dialog.close())),
      ),
    );
    dialog.addEventListener("close", () => resolve(false), { once: true });
    dialog.showModal();
  });
}
