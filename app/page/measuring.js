/** How the model does on labelled pictures that it was not adapted to: a share, a table, the mistakes. */

import * as api from "./api.js";
import { takeDrops } from "./cards.js";
import { button, byId, h, show } from "./dom.js";
import { ARCHIVES, archived, chosen, transferred } from "./intake.js";
import { note, say } from "./notices.js";
import { counted, percent, t } from "./words.js";

const MOST_MISTAKES = 12;
const WIDEST = 30; // classes of a table that can be read

export class Measuring {
  /** @type {Measuring|null} */
  static #made = null;

  /** The one of the page. @param {import("./support.js").Support} support */
  static of(support) {
    Measuring.#made ??= new Measuring(support);
    return Measuring.#made;
  }

  /** @param {import("./support.js").Support} support */
  constructor(support) {
    this.support = support;
    this.status = h("p", { class: "quiet-text", role: "status" });
    this.found = h("div", { class: "measured" });
    byId("measure").append(...this.#layout());
    takeDrops(byId("measuring"), async (transfer) => this.take(await transferred(transfer)));
    support.addEventListener("model", () => this.#forget());
    support.addEventListener("renamed", () => this.#forget());
    this.#forget();
  }

  /** A folder of class folders, or an archive of one. */
  async take(found) {
    const { model } = this.support;
    const [test] = await archived(found);
    if (!model || !test) return note(t("measure.what"));
    this.status.textContent = t("measure.asking", { name: test.name });
    this.found.replaceChildren();
    try {
      const told = await api.evaluate(model.id, test.archive);
      if (this.support.model?.id === model.id) this.#show(told, found);
    } catch (error) {
      this.status.textContent = error.message;
    }
  }

  #layout() {
    const picker = (label, properties) => {
      const input = h("input", { type: "file", class: "unseen", tabindex: "-1", "aria-label": label, ...properties });
      input.addEventListener("change", () => this.take(chosen(input)));
      return input;
    };
    const folder = picker(t("measure.folder"), { webkitdirectory: true, multiple: true });
    const archive = picker(t("measure.archive"), { accept: ARCHIVES });
    const choose = button(t("choose.folder"), () => folder.click(), { icon: "folder", kind: "secondary" });
    const other = button(t("choose.archive"), () => archive.click(), { icon: "folder", kind: "secondary" });
    return [h("div", { class: "drop" }, choose, other, h("span", { class: "quiet-text" }, t("drop.one")), folder, archive), this.status, this.found];
  }

  #forget() {
    show(byId("measuring"), this.support.model !== null);
    this.status.textContent = "";
    this.found.replaceChildren();
  }

  #show(told, found) {
    const { right, images, accuracy, low, high } = told;
    this.status.textContent = "";
    const share = h("p", { class: "accuracy" }, h("strong", {}, t("measure.share", { right, n: images })), " ", h("span", {}, t("measure.right", { share: counted(accuracy), low: counted(low), high: counted(high) })));
    const strangers = told.unknown_labels.map(({ label, images: number }) => `${label} (${number})`);
    const others = strangers.length ? h("p", { class: "quiet-text" }, t("measure.strangers", { names: strangers.join(", ") })) : null;
    this.found.replaceChildren(...[share, others, table(told), mistakes(told.mistakes, found)].filter(Boolean));
    say(t("measure.said", { right, n: images }));
  }
}

/** Labels in rows, what the model said in columns; the darker, the more of the row. */
function table({ classes, confusion, of_classes: own }) {
  if (classes.length > WIDEST) return null;
  const shares = new Map(own.map((each) => [each.label, each]));
  const head = h("tr", {}, h("th", { scope: "col" }, t("measure.is")), ...classes.map((each) => h("th", { scope: "col" }, h("span", {}, each))), h("th", { scope: "col" }, h("span", {}, t("measure.column"))));
  const rows = classes.map((label, row) => {
    const total = confusion[row].reduce((sum, number) => sum + number, 0);
    const cells = confusion[row].map((number, column) => {
      const cell = h("td", { class: row === column ? "right" : "wrong" }, number ? String(number) : "");
      cell.style.setProperty("--share", String(total ? number / total : 0));
      return cell;
    });
    const part = shares.get(label);
    return h("tr", {}, h("th", { scope: "row" }, label), ...cells, h("td", {}, part ? counted(part.accuracy) : ""));
  });
  const caption = h("caption", {}, t("measure.caption"));
  return h("div", { class: "scrolled", tabindex: "0", role: "region", "aria-label": t("measure.table") }, h("table", {}, caption, h("thead", {}, head), h("tbody", {}, ...rows)));
}

function mistakes(wrong, found) {
  if (!wrong.length) return null;
  const items = wrong.slice(0, MOST_MISTAKES).map(({ filename, label, said, score }) => {
    const file = found.find(({ path }) => path === filename || path.endsWith(`/${filename}`))?.file;
    const picture = file ? h("img", { src: URL.createObjectURL(file), alt: "", width: 56, height: 56, loading: "lazy" }) : null;
    return h("li", {}, picture, h("span", {}, h("b", {}, filename.split("/").at(-1)), ` ${t("measure.mistake", { label, said, score: percent(score) })}`));
  });
  return h("div", {}, h("h3", {}, t("measure.mistakes")), h("p", { class: "quiet-text" }, t("measure.doubt")), h("ul", { class: "mistakes" }, ...items));
}
