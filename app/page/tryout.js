/** Ask the model about new pictures: dropped, drawn, or seen by the camera. */

import * as api from "./api.js";
import { Bars } from "./bars.js";
import { Camera } from "./camera.js";
import { takeDrops } from "./cards.js";
import { button, byId, h, show } from "./dom.js";
import { chosen, inspected, PICTURES, transferred } from "./intake.js";
import { sleep } from "./connection.js";
import { note } from "./notices.js";
import { Pad } from "./pad.js";
import { Picture } from "./support.js";
import { warning } from "./words.js";

const DRAWN_MS = 120;
const SEEN_MS = 200;
const MOST_TILES = 24;
const WAYS = { file: "Picture", draw: "Draw", camera: "Camera" };

export class Tryout {
  /** What the bars are about. @type {Picture|null} */
  #query = null;
  #tiles = new Map();
  /** @type {AbortController|null} */
  #asking = null;

  /** @param {import("./support.js").Support} support */
  constructor(support) {
    this.support = support;
    this.bars = new Bars((each) => this.#teach(each));
    this.camera = new Camera();
    this.pad = new Pad("Pad to draw a new picture on, with a mouse, a finger or a pen", () => this.#drawn());
    this.error = h("p", { class: "error", role: "alert" });
    this.shown = h("img", { class: "query", alt: "The picture asked about", hidden: true });
    this.strip = h("ul", { class: "strip", "aria-label": "New pictures" });
    this.hint = h("p", { class: "quiet-text", hidden: true }, "Pictures it hasn’t seen. Choose one:");
    byId("try").append(...this.#layout());
    takeDrops(byId("trying"), async (transfer) => this.take(await transferred(transfer)));
    support.addEventListener("model", () => this.#changed());
    support.addEventListener("renamed", () => this.#again());
  }

  /** Pictures to choose from, not asked about yet. */
  offer(pictures) {
    this.#tiles.clear();
    this.strip.replaceChildren();
    for (const each of pictures) this.#tile(each);
    show(this.hint, pictures.length > 0);
  }

  /** Files, the last of which the bars will be about. */
  async take(found) {
    if (!this.support.model) return;
    this.way("file");
    try {
      const { pictures, left_out: leftOut, warnings } = await inspected(found, this.support.checkpoint);
      for (const { picture: query } of pictures) {
        this.#tile(query);
        await this.ask(query);
      }
      const said = [...leftOut.map(({ filename, reason }) => `${filename}: ${reason}.`), ...warnings.map(warning)];
      if (said.length) note(said.join(" "));
      else if (!pictures.length) note("Ask about pictures here; folders and archives belong to the classes.");
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Asks about a picture; one that comes later goes before it. */
  async ask(query) {
    const { model } = this.support;
    if (!model) return;
    this.#asking?.abort();
    const asking = (this.#asking = new AbortController());
    this.#query = query;
    this.error.textContent = "";
    try {
      const answer = await api.predict(model.id, query, model.classes.length, asking.signal);
      if (this.support.model?.id === model.id) this.#show(query, answer.predictions[0]);
      if (answer.warnings?.length) note(answer.warnings.map(warning).join(" "));
    } catch (error) {
      if (error.name !== "AbortError") this.#fail(error);
    }
  }

  /** By file, drawing or camera. */
  way(chosenWay) {
    for (const [way, part] of Object.entries(this.parts)) show(part, way === chosenWay);
    byId("try").querySelector(`[value="${chosenWay}"]`).checked = true;
    show(this.shown, chosenWay === "file" && this.#query !== null && this.#query.url !== "");
    if (chosenWay === "camera") this.#watch();
    else this.camera.stop();
  }

  #layout() {
    const files = h("input", { type: "file", multiple: true, accept: PICTURES, class: "unseen", tabindex: "-1" });
    files.setAttribute("aria-label", "New picture files");
    files.addEventListener("change", () => this.take(chosen(files)));
    const choose = button("Choose a picture", () => files.click(), { icon: "picture", kind: "secondary" });
    this.parts = {
      file: h("div", { class: "drop" }, choose, h("span", { class: "quiet-text" }, "or drop or paste one"), files),
      draw: h("div", { class: "tool" }, this.pad.canvas, h("div", { class: "row" }, this.pad.undo, this.pad.clear)),
      camera: h("div", { class: "tool" }, this.camera.video, this.camera.turn),
    };
    return [this.#ways(), ...Object.values(this.parts), this.hint, this.strip, this.shown, this.error, this.bars.element];
  }

  #ways() {
    const choice = ([way, text]) => {
      const radio = h("input", { type: "radio", name: "way", value: way, onchange: () => this.way(way) });
      return h("label", {}, radio, h("span", {}, text));
    };
    return h("fieldset", { class: "choice" }, h("legend", { class: "unseen" }, "How to ask"), ...Object.entries(WAYS).map(choice));
  }

  #changed() {
    const { model } = this.support;
    show(byId("try"), model !== null);
    show(byId("try-first"), model === null);
    if (!model) this.camera.stop();
    this.#again();
  }

  /** The same picture, asked of another model. */
  #again() {
    if (!this.support.model) return;
    if (this.#query) this.ask(this.#query);
    else this.bars.clear();
  }

  /** Forgets the picture: it belongs to other classes. */
  forget(way) {
    this.#query = null;
    this.bars.clear();
    this.pad.reset();
    this.offer([]);
    this.way(way);
  }

  async #drawn() {
    clearTimeout(this.soon);
    if (this.pad.isEmpty) return;
    this.soon = setTimeout(async () => this.ask(unlisted(await this.pad.picture(), "drawing.png")), DRAWN_MS);
  }

  /** One frame at a time, for as long as the camera is chosen. */
  async #watch() {
    try {
      await this.camera.start();
      for (; this.camera.isOn; await sleep(SEEN_MS)) await this.ask(unlisted(await this.camera.picture(), "camera.jpg"));
    } catch (error) {
      this.#fail(error);
    }
  }

  #show(query, prediction) {
    this.bars.show(prediction, this.support);
    show(this.shown, query.url !== "");
    if (query.url) this.shown.src = query.url;
    for (const [each, tile] of this.#tiles) tile.setAttribute("aria-pressed", String(each === query));
    const said = prediction.known === false ? "none of these" : prediction.label;
    this.#tiles.get(query)?.querySelector("span").replaceChildren(said);
  }

  #fail(error) {
    this.bars.clear();
    show(this.shown, false);
    this.error.textContent = error.message;
  }

  #tile(query) {
    const image = h("img", { src: query.url, alt: "", width: 56, height: 56 });
    const tile = h("button", { type: "button", class: "tile", "aria-pressed": "false" }, image, h("span", {}, "?"));
    tile.setAttribute("aria-label", `Ask about ${query.filename}`);
    tile.addEventListener("click", () => {
      this.way("file");
      this.ask(query);
    });
    this.#tiles.set(query, tile);
    this.strip.append(h("li", {}, tile));
    while (this.strip.children.length > MOST_TILES) this.strip.firstElementChild.remove();
  }

  /** The picture joins a class: what was wrong, or weak, can be put right. */
  #teach(each) {
    const { blob, filename, source } = this.#query;
    this.support.change(() => each.pictures.push(new Picture(blob, filename, source)));
  }
}

/** A query that comes and goes, of which no tile is made. */
function unlisted(blob, filename) {
  return { blob, filename, url: "" };
}
