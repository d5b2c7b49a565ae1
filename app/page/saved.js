/** The models that the server keeps. */

import * as api from "./api.js";
import { button, byId, h } from "./dom.js";
import { note } from "./notices.js";
import { listed, t, tOr, when } from "./words.js";

const SURE_MS = 5000;
const THUMBNAILS = 3;

export class Saved {
  #cursor = null;
  #seen = new IntersectionObserver((rows) => this.#inSight(rows));

  /** @param {() => string|null} current id of the model that is shown @param {(id: string) => void} gone */
  constructor(current, gone) {
    this.current = current;
    this.gone = gone;
    this.list = h("ul", { class: "models" });
    this.more = button(t("saved.more"), () => this.#load(), { kind: "secondary" });
    this.empty = h("p", { class: "quiet-text" }, t("saved.none"));
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
      if (anew) this.#seen.disconnect();
      if (anew) this.list.replaceChildren(...rows);
      else this.list.append(...rows);
      for (const row of rows) this.#seen.observe(row);
      this.#cursor = page.next_cursor;
    } catch (error) {
      note(t("saved.failed", { why: error.message }));
    }
    this.empty.hidden = this.list.children.length > 0;
    this.more.hidden = this.#cursor === null;
  }

  #row(model) {
    const title = titleOf(model);
    const isOpen = model.id === this.current();
    const link = h("a", { href: `#model=${model.id}`, "aria-current": isOpen ? "true" : null }, title);
    const about = h("span", { class: "quiet-text" }, [isOpen && t("saved.open"), aboutOf(model)].filter(Boolean).join(" · "));
    const remove = h("button", { type: "button", class: "quiet", "aria-label": t("saved.delete.label", { name: title }) }, t("saved.delete"));
    const row = h("li", {}, h("span", { class: "thumbnails" }), h("div", {}, link, about), remove);
    row.model = model;
    remove.addEventListener("click", () => this.#delete(model.id, row, remove));
    return row;
  }

  /** A row's pictures are fetched once somebody sees it. */
  #inSight(rows) {
    for (const { target, isIntersecting } of rows) {
      if (!isIntersecting) continue;
      this.#seen.unobserve(target);
      thumbnails(target.model).then((images) => target.querySelector(".thumbnails").append(...images), () => {}); // none were kept
    }
  }

  /** Asks first: it can't be undone. */
  async #delete(id, row, remove) {
    if (!remove.classList.contains("danger")) return ask(remove);
    try {
      await api.remove(id);
    } catch (error) {
      if (error.status !== 404) return note(t("saved.undeleted", { why: error.message }));
    }
    row.remove();
    this.empty.hidden = this.list.children.length > 0;
    byId("saved").focus();
    this.gone(id);
    note(t("saved.deleted")); // last: other changes take a note away
  }
}

/** Its name, or what it tells apart. */
export function titleOf({ name, classes, checkpoint }) {
  if (!classes.length) return name ?? t("saved.unnamed", { checkpoint: checkpoint.name });
  return name ?? listed(classes.length > 4 ? [...classes.slice(0, 3), t("saved.others", { n: classes.length - 3 })] : classes);
}

/** One of each of the first classes. */
async function thumbnails({ id }) {
  const { images } = await api.images(id);
  if (images.some(({ text }) => text)) return [];
  const firsts = images.filter(({ label }, place) => images.findIndex((each) => each.label === label) === place).slice(0, THUMBNAILS);
  const blobs = await Promise.all(firsts.map(({ index }) => api.image(id, index)));
  return blobs.map((blob) => h("img", { src: URL.createObjectURL(blob), alt: "", width: 40, height: 40 }));
}

function aboutOf({ checkpoint, classes, created_at: made, expires_at: expires, version }) {
  const parts = [
    version > 1 && t("saved.version", { n: version }),
    t(classes.length ? "saved.about" : "saved.estimates", { kind: tOr(`kind.${checkpoint.name}`, checkpoint.name), n: classes.length }),
    t("saved.made", { when: when(made) }),
    expires ? t("saved.expires", { when: when(expires) }) : t("saved.kept"),
  ];
  return parts.filter(Boolean).join(" · ");
}

function ask(remove) {
  const text = remove.textContent;
  remove.textContent = t("saved.sure");
  remove.classList.add("danger");
  setTimeout(() => {
    remove.textContent = text;
    remove.classList.remove("danger");
  }, SURE_MS);
}
