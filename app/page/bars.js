/** The answer to a query: a bar for each class, or "none of these". */

import { button, h, show } from "./dom.js";
import { say } from "./notices.js";
import { percent, t } from "./words.js";

const MOST = 10;

export class Bars {
  #last = "";

  /** @param {((each: import("./support.js").Class) => void)|null} teach null where it can't be taught */
  constructor(teach) {
    this.teach = teach;
    this.verdict = h("p", { class: "verdict" });
    this.list = h("ul", { class: "bars", "aria-label": t("bars") });
    this.lesson = h("div", { class: "row lesson" });
    this.taught = h("div", { class: "row taught", role: "status", hidden: true });
    this.element = h("div", { class: "answer" }, this.verdict, this.list, ...(teach ? [this.lesson, this.taught] : []));
  }

  clear() {
    this.#last = "";
    for (const part of [this.verdict, this.list, this.lesson]) part.replaceChildren();
    show(this.taught, false);
  }

  /** @param {any} prediction @param {{classes: {name: string}[]}} support */
  show(prediction, support) {
    const unknown = prediction.known === false;
    const verdict = unknown ? t("bars.none") : prediction.label;
    const detail = unknown ? t("bars.closest", { label: prediction.label }) : percent(prediction.score);
    this.verdict.replaceChildren(h("strong", {}, verdict), h("span", {}, detail));
    this.element.classList.toggle("unknown", unknown);
    this.#draw(prediction, support);
    this.#offerLesson(support);
    if (verdict !== this.#last) say(`${verdict}, ${detail}`);
    this.#last = verdict;
  }

  /** What was told is over. */
  untell() {
    show(this.taught, false);
  }

  /** Says, where it was asked for, that the picture joined a class, with what may be done next. */
  tell(text, ...buttons) {
    this.taught.replaceChildren(h("span", {}, text), ...buttons);
    show(this.taught, true);
    this.taught.scrollIntoView({ block: "nearest" });
  }

  /** In the cards' order, so that each bar keeps its place; of many classes the best alone. */
  #draw({ top }, support) {
    const names = support.classes.map((each) => each.name);
    const shown = top.slice(0, MOST);
    if (top.length <= MOST) shown.sort((one, other) => names.indexOf(one.label) - names.indexOf(other.label));
    const rows = shown.map(({ label, score }) => this.#row(label, score, names.indexOf(label)));
    if (rows.some((row, place) => this.list.children[place] !== row) || this.list.children.length > rows.length)
      this.list.replaceChildren(...rows);
  }

  /** A class's row is made once, so that its bar can glide. */
  #row(label, score, hue) {
    const found = [...this.list.children].find((row) => row.dataset.label === label);
    const row = found ?? h("li", { "data-label": label, "data-hue": hue % 8 }, h("span", { title: label }, label), h("i"), h("b"));
    row.querySelector("i").style.setProperty("--share", String(score));
    row.querySelector("b").textContent = percent(score);
    return row;
  }

  #offerLesson(support) {
    const known = this.lesson.children.length > 1 && this.lesson.dataset.names === names(support);
    if (!this.teach || known || support.classes.length > MOST) return;
    this.lesson.dataset.names = names(support);
    const teach = (each) => button(each.name, () => this.teach(each), { label: t("bars.teach", { name: each.name }) });
    this.lesson.replaceChildren(h("span", { class: "quiet-text" }, t("bars.lesson")), ...support.classes.map(teach));
  }
}

function names(support) {
  return support.classes.map((each) => each.name).join("\n");
}
