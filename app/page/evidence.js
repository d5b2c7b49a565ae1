/** Where the picture that was asked about shows its label: red for it, blue against it. */

import * as api from "./api.js";
import { button, h, show } from "./dom.js";
import { t } from "./words.js";

export class Evidence {
  /** @type {AbortController|null} */
  #asking = null;

  /** @param {(error: Error) => void} fail */
  constructor(fail) {
    this.fail = fail;
    this.image = h("img", { class: "query", alt: "" });
    this.toggle = button(t("evidence.show"), () => this.#toggled(), { "aria-pressed": "false" });
    this.legend = h("span", { class: "quiet-text", role: "status" });
    this.element = h("div", { class: "looked", hidden: true }, this.image, h("div", { class: "row" }, this.toggle, this.legend));
  }

  /** Shows a picture, and what of it speaks for the model's answer if that is wanted. */
  show(model, query) {
    this.model = model;
    this.query = query;
    show(this.element, query.url !== "");
    if (query.url) this.#draw();
  }

  #toggled() {
    this.toggle.setAttribute("aria-pressed", String(!this.#isWanted));
    this.#draw();
  }

  get #isWanted() {
    return this.toggle.getAttribute("aria-pressed") === "true";
  }

  async #draw() {
    this.#asking?.abort();
    const asking = (this.#asking = new AbortController());
    this.#put(this.query.url, t("evidence.picture"), this.#isWanted ? t("evidence.looking") : "");
    if (!this.#isWanted) return;
    try {
      const { predictions } = await api.evidence(this.model.id, this.query, asking.signal);
      const [{ evidence, label }] = predictions;
      this.#put(evidence.overlay, t("evidence.overlay", { label }), t("evidence.legend", { label }));
    } catch (error) {
      if (error.name === "AbortError") return;
      this.legend.textContent = "";
      this.fail(error);
    }
  }

  #put(url, alt, legend) {
    this.image.src = url;
    this.image.alt = alt;
    this.legend.textContent = legend;
  }
}
