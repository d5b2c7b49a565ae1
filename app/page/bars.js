/** The answer to a query: a bar for each class, or "none of these". */

import { button, h } from "./dom.js";
import { say } from "./notices.js";
import { percent } from "./words.js";

const MOST = 10;

export class Bars {
  #last = "";

  /** @param {(each: import("./support.js").Class) => void} teach */
  constructor(teach) {
    this.teach = teach;
    this.verdict = h("p", { class: "verdict" });
    this.list = h("ul", { class: "bars", "aria-label": "Scores" });
    this.lesson = h("div", { class: "row lesson" });
    this.element = h("div", { class: "answer" }, this.verdict, this.list, this.lesson);
  }

  clear() {
    this.#last = "";
    for (const part of [this.verdict, this.list, this.lesson]) part.replaceChildren();
  }

  /** @param {any} prediction @param {import("./support.js").Support} support */
  show(prediction, support) {
    const unknown = prediction.known === false;
    const verdict = unknown ? "None of these" : prediction.label;
    const detail = unknown ? `closest: ${prediction.label}` : percent(prediction.score);
    this.verdict.replaceChildren(h("strong", {}, verdict), h("span", {}, detail));
    this.element.classList.toggle("unknown", unknown);
    this.#draw(prediction, support);
    this.#offerLesson(support);
    if (verdict !== this.#last) say(`${verdict}, ${detail}`);
    this.#last = verdict;
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
    const row = found ?? h("li", { "data-label": label, "data-hue": hue % 8 }, h("span", {}, label), h("i"), h("b"));
    row.querySelector("i").style.setProperty("--share", String(score));
    row.querySelector("b").textContent = percent(score);
    return row;
  }

  #offerLesson(support) {
    const known = this.lesson.children.length > 1 && this.lesson.dataset.names === names(support);
    if (known || support.classes.length > MOST) return;
    this.lesson.dataset.names = names(support);
    const teach = (each) => button(each.name, () => this.teach(each), { label: `Add this picture to ${each.name}` });
    this.lesson.replaceChildren(h("span", { class: "quiet-text" }, "Teach it: add this to"), ...support.classes.map(teach));
  }
}

function names(support) {
  return support.classes.map((each) => each.name).join("\n");
}
