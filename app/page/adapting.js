/** The button that trains, how far it is, and what went wrong. */

import * as api from "./api.js";
import { byId, show } from "./dom.js";
import { say } from "./notices.js";
import { listed, t } from "./words.js";

const GONE = ["/problems/model-not-found", "/problems/images-not-kept"];
const EXAMPLE_S = 3600;

export class Adapting {
  /** Of the model's loss; there from the first training on. @type {import("./chart.js").LossChart|null} */
  #chart = null;
  /** @type {AbortController|null} */
  #running = null;

  /** @param {import("./support.js").Support} support */
  constructor(support) {
    this.support = support;
    /** Of an example, which is kept for an hour alone. @type {string|null} */
    this.example = null;
    /** Of a project. @type {string|null} */
    this.name = null;
    byId("adapt").addEventListener("click", () => this.run());
    byId("stop").addEventListener("click", () => this.#running?.abort());
    support.addEventListener("change", () => this.refresh());
    support.addEventListener("model", () => this.#showModel());
  }

  /** What the button would do. */
  refresh() {
    const { model } = this.support;
    const { added, removed } = this.support.differences();
    const edits = added.length + removed.length;
    const done = model !== null && edits === 0 && this.#sameCheckpoint();
    byId("adapt").disabled = this.#running !== null || done || this.#filled.length < 2;
    byId("adapt").textContent = t(done ? "train.done" : model ? "train.again" : "train");
    const changes = [added.length && t("train.new", { n: added.length }), removed.length && t("train.removed", { n: removed.length })].filter(Boolean);
    if (!this.#running) byId("adapt-status").textContent = model && edits ? t("train.edits", { changes: listed(changes) }) : this.#hint();
  }

  /** Adapts to what the cards show; a problem is shown where it belongs. */
  async run() {
    const fault = this.#unfit();
    this.#forgetErrors();
    if (fault) return this.#fail(fault);
    this.#running = new AbortController();
    this.#busy(true);
    this.#drawn().catch(() => {}); // it is looked for again with the model
    try {
      await this.#adapt(this.#running.signal);
    } catch (error) {
      this.#explain(error);
    } finally {
      this.#running = null;
      this.#busy(false);
      this.refresh();
    }
  }

  async #adapt(signal) {
    const { support } = this;
    await support.ready;
    const revises = support.model?.images_kept && this.#sameCheckpoint();
    const { added, removed } = support.differences();
    const sent = revises ? added : support.pictures;
    const kept = revises ? this.#kept() : [];
    const path = revises ? `models/${support.model.id}/versions` : "adapt";
    const fields = { ...this.#choices(), ...(revises ? { remove: removed.map(String) } : { checkpoint: support.checkpoint, name: this.example ?? this.name }) };
    this.sent = sent;
    try {
      const model = await api.adapt(path, api.form(fields, sent.map(labelled)), (step) => this.#step(step), signal, (share) => this.#sending(share));
      support.adopt(model, [...kept, ...sent.map(({ picture }) => picture)]);
      say(t("train.said", { n: support.size }));
    } catch (error) {
      if (!revises || !GONE.includes(error.type)) throw error;
      support.model = null; // it was deleted meanwhile: its images are all here
      await this.#adapt(signal);
    }
  }

  #sending(share) {
    byId("adapt-status").textContent = share < 1 ? t("train.sending", { n: Math.round(100 * share) }) : t("train.looking");
    byId("progress").value = share;
    if (share === 1) byId("progress").removeAttribute("value");
  }

  #step(event) {
    if (event.step === 0) this.#chart?.reset();
    this.#chart?.add(event);
    byId("adapt-status").textContent = t("train.step", event);
    byId("progress").value = event.steps ? event.step / event.steps : 1;
  }

  async #showModel() {
    const { model } = this.support;
    for (const part of ["expectation", "details"]) byId(part).replaceChildren();
    show(byId("learnt"), model !== null);
    if (!model) return;
    const [{ details, expectation }, chart] = await Promise.all([import("./expectation.js"), this.#drawn()]);
    if (this.support.model !== model) return;
    chart.set(model.loss_curve);
    byId("expectation").replaceChildren(...expectation(model, this.support));
    byId("details").replaceChildren(...details(model));
  }

  /** Fetches what draws the loss, once. */
  async #drawn() {
    const { LossChart } = await import("./chart.js");
    this.#chart ??= new LossChart();
    byId("loss").replaceChildren(this.#chart.element);
    return this.#chart;
  }

  /** Pictures that the model has already, in its order. */
  #kept() {
    const known = this.support.pictures.map(({ picture }) => picture).filter(({ index }) => index !== null);
    return known.sort((one, other) => one.index - other.index);
  }

  #sameCheckpoint() {
    return this.support.model?.checkpoint.name === this.support.checkpoint;
  }

  #choices() {
    const value = (id) => byId(id).value || null;
    const keep = byId("keep-images").checked ? null : "false";
    return { steps: value("steps"), ttl_seconds: this.example ? String(EXAMPLE_S) : value("lifetime"), keep_images: keep };
  }

  #busy(is) {
    byId("adapting").setAttribute("aria-busy", String(is));
    byId("adapt").disabled = is;
    for (const part of ["stop", "progress"]) show(byId(part), is);
    byId("progress").removeAttribute("value");
    if (is) byId("adapt-status").textContent = t("train.busy");
  }

  get #filled() {
    return this.support.classes.filter((each) => each.pictures.length);
  }

  #hint() {
    if (this.support.model) return "";
    return this.#filled.length < 2 ? t("train.hint") : "";
  }

  /** Why there is nothing to send, if there is not. */
  #unfit() {
    const names = this.#filled.map((each) => each.name);
    const twice = this.#filled.find((each, place) => names.indexOf(each.name) < place);
    if (this.#filled.length < 2) return t("train.hint");
    return twice ? t("train.twice", { name: twice.name }) : "";
  }

  #forgetErrors() {
    byId("adapt-error").textContent = "";
    for (const { picture } of this.support.pictures) picture.error = "";
    this.support.changed();
  }

  /** The problem goes to the picture it is about, or below the button. */
  #explain(error) {
    if (error.name === "AbortError") return this.#fail(t("train.stopped"));
    const faulty = ["images", "labels"].includes(error.field) ? this.sent[error.index]?.picture : null;
    if (!faulty) return this.#fail(error.message);
    faulty.error = error.message;
    this.support.changed();
    this.#fail(t("train.faulty"));
  }

  #fail(text) {
    byId("adapt-error").textContent = text;
  }
}

function labelled({ picture, class: { label, name } }) {
  return { blob: picture.blob, filename: picture.filename, label: label ?? name };
}
