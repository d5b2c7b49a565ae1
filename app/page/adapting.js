/** The button "Adapt", the loss while it falls, and what went wrong. */

import * as api from "./api.js";
import { LossChart } from "./chart.js";
import { byId, show } from "./dom.js";
import { expectation } from "./expectation.js";
import { say } from "./notices.js";
import { count, listed } from "./words.js";

const GONE = ["/problems/model-not-found", "/problems/images-not-kept"];

export class Adapting {
  #chart = new LossChart();
  /** @type {AbortController|null} */
  #running = null;

  /** @param {import("./support.js").Support} support */
  constructor(support) {
    this.support = support;
    this.name = null;
    byId("loss").append(this.#chart.element);
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
    byId("adapt").disabled = this.#running !== null || done;
    byId("adapt").textContent = done ? "Adapted" : model ? "Adapt again" : "Adapt";
    const changes = [added.length && `${added.length} new`, removed.length && `${removed.length} removed`].filter(Boolean);
    if (!this.#running) byId("adapt-status").textContent = model && edits ? `${listed(changes)}: not learnt yet.` : this.#hint();
  }

  /** Adapts to what the cards show; a problem is shown where it belongs. */
  async run() {
    const fault = this.#unfit();
    this.#forgetErrors();
    if (fault) return this.#fail(fault);
    this.#running = new AbortController();
    this.#busy(true);
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
    const fields = { ...this.#choices(), ...(revises ? { remove: removed.map(String) } : { checkpoint: support.checkpoint, name: this.name }) };
    this.sent = sent;
    try {
      const model = await api.adapt(path, api.form(fields, sent.map(labelled)), (step) => this.#step(step), signal);
      support.adopt(model, [...kept, ...sent.map(({ picture }) => picture)]);
      say(`Adapted to ${count(support.size, "picture")} of ${count(model.classes.length, "class", "classes")}.`);
    } catch (error) {
      if (!revises || !GONE.includes(error.type)) throw error;
      support.model = null; // it was deleted meanwhile: its images are all here
      await this.#adapt(signal);
    }
  }

  #step(event) {
    if (event.step === 0) this.#chart.reset();
    show(byId("loss"), true);
    this.#chart.add(event);
    byId("adapt-status").textContent = `Step ${event.step} of ${event.steps}…`;
  }

  #showModel() {
    const { model } = this.support;
    show(byId("loss"), model !== null);
    if (model) this.#chart.set(model.loss_curve);
    byId("expectation").replaceChildren(...(model ? expectation(model, this.support) : []));
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
    return { steps: value("steps"), ttl_seconds: value("lifetime"), keep_images: keep };
  }

  #busy(is) {
    byId("adapting").setAttribute("aria-busy", String(is));
    byId("adapt").disabled = is;
    show(byId("stop"), is);
    if (is) byId("adapt-status").textContent = "Adapting…";
  }

  #hint() {
    const { classes, model } = this.support;
    if (model) return "";
    const filled = classes.filter((each) => each.pictures.length);
    return filled.length < 2 ? "Add pictures to two classes at least; five of each do well." : "";
  }

  /** Why there is nothing to send, if there is not. */
  #unfit() {
    const { classes } = this.support;
    const filled = classes.filter((each) => each.pictures.length);
    const names = filled.map((each) => each.name);
    const twice = filled.find((each, place) => names.indexOf(each.name) < place);
    if (filled.length < 2) return "A classifier needs two classes. Add pictures to two cards at least.";
    return twice ? `Two classes are called “${twice.name}”. Give each a name of its own.` : "";
  }

  #forgetErrors() {
    byId("adapt-error").textContent = "";
    for (const { picture } of this.support.pictures) picture.error = "";
    this.support.changed();
  }

  /** The problem goes to the picture it is about, or below the button. */
  #explain(error) {
    if (error.name === "AbortError") return this.#fail("Stopped; nothing was kept of it.");
    const faulty = ["images", "labels"].includes(error.field) ? this.sent[error.index]?.picture : null;
    if (!faulty) return this.#fail(error.message);
    faulty.error = error.message;
    this.support.changed();
    this.#fail("One of the pictures can’t be used; its card says why. Remove it, then adapt again.");
  }

  #fail(text) {
    byId("adapt-error").textContent = text;
  }
}

function labelled({ picture, class: { label, name } }) {
  return { blob: picture.blob, filename: picture.filename, label: label ?? name };
}
