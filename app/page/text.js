/** The card for texts: classes of sentences, what a model of them is to be expected to do, and a new one to ask about. */

import * as api from "./api.js";
import { Bars } from "./bars.js";
import { button, byId, h, show } from "./dom.js";
import { note, say } from "./notices.js";
import { percent, t } from "./words.js";

export const TABLES = ".csv,.tsv,.jsonl,.ndjson,.json";
const WAIT_MS = 300;

export class Texts {
  #model = null;
  #asked = 0;
  /** @type {{name: any, lines: any, element: any}[]} */
  #cards = [];

  /** @param {string} checkpoint @param {(model: any) => void} made */
  constructor(checkpoint, made) {
    this.checkpoint = checkpoint;
    this.made = made;
    this.bars = new Bars(null);
    this.list = h("div", { class: "text-cards" });
    this.status = h("p", { role: "status" });
    this.error = h("p", { class: "error", role: "alert" });
    this.query = h("input", { id: "text-query", maxlength: 2000, oninput: () => this.#soon() });
    this.trial = h("div", { class: "text-trial", hidden: true }, h("label", { for: "text-query" }, t("texts.new")), this.query, this.bars.element);
    const table = h("input", { type: "file", accept: TABLES, hidden: true, onchange: () => this.#open(table) });
    this.adapt = button(t("texts.train"), () => this.run(), { kind: "primary" });
    const more = button(t("texts.add"), () => this.#add(), { icon: "add", kind: "secondary" });
    const pick = button(t("texts.table"), () => table.click(), { icon: "folder", kind: "secondary" });
    byId("text-bench").append(this.list, h("div", { class: "row" }, more, pick, table, this.adapt), this.status, this.error, this.trial);
    this.#show([1, 2].map((n) => [t("class.name", { n }), []]));
    show(byId("texts"), true);
  }

  /** Shows a saved model, with its texts where they were kept. */
  async open(model) {
    const { images } = model.images_kept ? await api.images(model.id) : { images: [] };
    this.#show(model.classes.map((name) => [name, images.filter(({ label }) => label === name).map(({ text }) => text)]));
    this.#adopt(model);
    byId("texts").scrollIntoView();
  }

  /** Adapts to what the cards hold. */
  async run() {
    this.error.textContent = "";
    const pairs = this.#cards.flatMap(({ name, lines }) => written(lines).map((text) => [name.value, text]));
    this.adapt.disabled = true;
    this.status.textContent = t("train.busy");
    try {
      const [labels, texts] = [0, 1].map((place) => pairs.map((pair) => pair[place]));
      const fields = { checkpoint: this.checkpoint, labels, texts };
      const step = ({ step: number, steps }) => (this.status.textContent = t("train.step", { step: number, steps }));
      this.#adopt(await api.adapt("adapt", api.form(fields, []), step, new AbortController().signal));
      this.made(this.#model);
    } catch (error) {
      this.status.textContent = "";
      this.error.textContent = error.message;
    } finally {
      this.adapt.disabled = false;
    }
  }

  #adopt(model) {
    this.#model = model;
    const { validation, shots } = model;
    const told = validation ? ` ${t("texts.expect", { share: percent(validation.accuracy) })}` : "";
    const texts = Object.values(shots).reduce((sum, each) => sum + each, 0);
    this.status.replaceChildren(`${t("texts.trained", { n: texts, classes: model.classes.length })}${told} `, h("code", {}, model.id));
    show(this.trial, true);
    say(t("texts.said"));
    this.#ask();
  }

  /** After a pause in the typing. */
  #soon() {
    const asked = ++this.#asked;
    setTimeout(() => asked === this.#asked && this.#ask(), WAIT_MS);
  }

  async #ask() {
    const asked = ++this.#asked;
    if (!this.query.value.trim()) return this.bars.clear();
    try {
      const { predictions } = await api.predictText(this.#model.id, this.query.value, this.#model.classes.length);
      if (asked === this.#asked) this.bars.show(predictions[0], { classes: this.#model.classes.map((name) => ({ name })) });
    } catch (error) {
      note(t("texts.failed", { why: error.message }));
    }
  }

  /** A table's texts take the place of the cards'. */
  async #open(input) {
    const [table] = input.files;
    input.value = "";
    this.error.textContent = "";
    try {
      const found = await api.inspect(api.form({ table, checkpoint: this.checkpoint }, []));
      const of = (name) => found.pictures.filter(({ label }) => label === name).map(({ text }) => text);
      this.#show(found.classes.map((name) => [name, of(name)]));
    } catch (error) {
      this.error.textContent = error.message;
    }
  }

  #show(classes) {
    this.#cards = [];
    this.list.replaceChildren();
    for (const [name, texts] of classes) this.#add(name, texts);
  }

  #add(name = t("class.name", { n: this.#cards.length + 1 }), texts = []) {
    const number = this.#cards.length + 1;
    const title = h("input", { value: name, "aria-label": t("texts.name", { n: number }), maxlength: 100 });
    const lines = h("textarea", { rows: 5, "aria-label": t("texts.of", { n: number }), placeholder: t("texts.hint") });
    lines.value = texts.map((text) => text.replace(/\s*\n\s*/g, " ")).join("\n");
    const element = h("div", { class: "text-card", "data-hue": (number - 1) % 8 }, title, lines);
    this.#cards.push({ name: title, lines, element });
    this.list.append(element);
  }
}

function written(lines) {
  return lines.value.split("\n").map((line) => line.trim()).filter(Boolean);
}
