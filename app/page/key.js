/** The API key, where the server asks for one. It is kept for as long as the tab is open. */

import { button, byId, h } from "./dom.js";

const NAME = "kshot-key";
/** @type {Promise<boolean>|null} */
let asking = null;

/** What a request has to carry. */
export function keyHeaders() {
  const key = sessionStorage.getItem(NAME);
  return key ? { Authorization: `Bearer ${key}` } : {};
}

/** Asks the person, once for all requests that wait; false if there is no answer. */
export function askForKey(why) {
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
        h("h2", {}, "This server asks for an API key"),
        h("p", {}, why),
        h("label", { for: "key-input" }, "API key"),
        input,
        h("div", { class: "row" }, h("button", { class: "primary" }, "Use it"), button("Cancel", () => dialog.close())),
      ),
    );
    dialog.addEventListener("close", () => resolve(false), { once: true });
    dialog.showModal();
  });
}
