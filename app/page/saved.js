/** The models that the server keeps. */

import * as api from "./api.js";
import { button, byId, h } from "./dom.js";
import { note } from "./notices.js";
import { count, listed, when } from "./words.js";

const SURE_MS = 5000;

export class Saved {
  #cursor = null;

  /** @param {() => string|null} current id of the model that is shown @param {(id: string) => void} gone */
  constructor(current, gone) {
    this.current = current;
    this.gone = gone;
    this.list = h("ul", { class: "models" });
    this.more = button("Show more", () => this.#load(), { kind: "secondary" });
    this.empty = h("p", { class: "quiet-text" }, "None yet. Each time you adapt, the model is kept here.");
    byId("models").append(this.list, this.empty, this.more);
  }

  async refresh() {
    this.#cursor = null;
    await this.#load(true);
  }

  async #load(anew = false) {
    try {
      const page = await api.models(this.#cursor);
      const rows = page.models.map((model) => this.#row(model));
      if (anew) this.list.replaceChildren(...rows);
      else this.list.append(...rows);
      this.#cursor = page.next_cursor;
    } catch (error) {
      note(`The saved models can’t be listed. ${error.message}`);
    }
    this.empty.hidden = this.list.children.length > 0;
    this.more.hidden = this.#cursor === null;
  }

  #row(model) {
    const title = titleOf(model);
    const isOpen = model.id === this.current();
    const link = h("a", { href: `#model=${model.id}`, "aria-current": isOpen ? "true" : null }, title);
    const about = h("span", { class: "quiet-text" }, aboutOf(model));
    const remove = h("button", { type: "button", class: "quiet", "aria-label": `Delete ${title}` }, "Delete");
    const row = h("li", {}, h("div", {}, link, about), remove);
    remove.addEventListener("click", () => this.#delete(model.id, row, remove));
    return row;
  }

  /** Asks first: it can't be undone. */
  async #delete(id, row, remove) {
    if (!remove.classList.contains("danger")) return ask(remove);
    try {
      await api.remove(id);
    } catch (error) {
      if (error.status !== 404) return note(`It can’t be deleted. ${error.message}`);
    }
    row.remove();
    note("The model is deleted.");
    this.empty.hidden = this.list.children.length > 0;
    byId("saved").focus();
    this.gone(id);
  }
}

/** Its name, or what it tells apart. */
export function titleOf({ name, classes }) {
  return name ?? listed(classes.length > 4 ? [...classes.slice(0, 3), `${classes.length - 3} more`] : classes);
}

function aboutOf({ checkpoint, classes, created_at: made, expires_at: expires, version }) {
  const parts = [
    version > 1 && `version ${version}`,
    `${checkpoint.name}, ${count(classes.length, "class", "classes")}`,
    `made ${when(made)}`,
    expires ? `expires ${when(expires)}` : "kept until deleted",
  ];
  return parts.filter(Boolean).join(" · ");
}

function ask(remove) {
  const text = remove.textContent;
  remove.textContent = "Delete for ever?";
  remove.classList.add("danger");
  setTimeout(() => {
    remove.textContent = text;
    remove.classList.remove("danger");
  }, SURE_MS);
}
