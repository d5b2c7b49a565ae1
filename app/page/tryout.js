/** Ask the model about new pictures: dropped, drawn, or seen by the camera. */

import * as api from "./api.js";
import { Bars } from "./bars.js";
import { takeDrops } from "./cards.js";
import { button, byId, h, show } from "./dom.js";
import { Evidence } from "./evidence.js";
import { inspected, transferred } from "./intake.js";
import { note } from "./notices.js";
import { Picture } from "./support.js";
import { Ways } from "./ways.js";
import { named, t } from "./words.js";

const MOST_TILES = 24;

export class Tryout {
  /** What the bars are about. @type {Picture|null} */
  #query = null;
  #tiles = new Map();
  /** @type {AbortController|null} */
  #asking = null;

  /** @param {import("./support.js").Support} support @param {() => Promise<void>} adapt */
  constructor(support, adapt) {
    this.support = support;
    this.adapt = adapt;
    this.bars = new Bars((each) => this.#teach(each));
    this.error = h("p", { class: "error", role: "alert" });
    this.evidence = new Evidence((error) => this.#fail(error));
    this.strip = h("ul", { class: "strip", "aria-label": t("try.new") });
    this.offered = h("div", { class: "offered", hidden: true }, h("p", { class: "quiet-text" }, t("try.choose")), this.strip);
    this.ways = new Ways({
      files: (found) => this.take(found),
      seen: (picture) => (picture ? this.ask(picture) : this.#emptied()),
      failed: (error) => this.#fail(error),
      changed: (way) => this.#wayChanged(way),
    });
    byId("try").append(this.ways.element, this.offered, this.evidence.element, this.error, this.bars.element);
    takeDrops(byId("trying"), async (transfer) => this.take(await transferred(transfer)));
    support.addEventListener("model", () => this.#changed());
    support.addEventListener("renamed", () => this.#again());
  }

  /** Pictures to choose from, not asked about yet. */
  offer(pictures) {
    this.#tiles.clear();
    this.strip.replaceChildren();
    for (const each of pictures) this.#tile(each);
    show(this.offered, pictures.length > 0);
  }

  /** Files, the last of which the bars will be about. */
  async take(found) {
    if (!this.support.model) return note(t("try.first"));
    this.way("file");
    try {
      const { pictures, left_out: leftOut, warnings } = await inspected(found, this.support.checkpoint);
      for (const { picture: query } of pictures) {
        this.#tile(query);
        await this.ask(query);
      }
      if (pictures.length) this.bars.element.scrollIntoView({ block: "nearest" });
      const said = [...leftOut.map(({ filename, reason }) => `${filename}: ${reason}.`), ...warnings.map(named)];
      if (said.length) note(said.join(" "));
      else if (!pictures.length) note(t("try.pictures"));
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
      if (this.support.model?.id === model.id && this.#query === query) this.#show(query, answer.predictions[0]);
      if (answer.warnings?.length) note(answer.warnings.map(named).join(" "));
    } catch (error) {
      if (error.name !== "AbortError") this.#fail(error);
    }
  }

  /** By file, drawing or camera. */
  way(chosenWay) {
    this.ways.choose(chosenWay);
  }

  /** Forgets the picture: it belongs to other classes. */
  forget(way) {
    this.#emptied();
    this.ways.pad.reset();
    this.offer([]);
    this.way(way);
  }

  #wayChanged(way) {
    show(this.offered, way === "file" && this.#tiles.size > 0);
    show(this.evidence.element, way === "file" && this.#query !== null && this.#query.url !== "");
  }

  #changed() {
    const { model } = this.support;
    show(byId("try"), model !== null);
    show(byId("try-first"), model === null);
    if (!model) this.ways.camera.stop();
    this.bars.untell();
    this.#again();
  }

  /** The same picture, asked of another model. */
  #again() {
    if (!this.support.model) return;
    if (this.#query) this.ask(this.#query);
    else this.bars.clear();
  }

  /** There is nothing to ask about any more. */
  #emptied() {
    this.#asking?.abort();
    this.#query = null;
    this.error.textContent = "";
    this.bars.clear();
    show(this.evidence.element, false);
  }

  #show(query, prediction) {
    this.bars.show(prediction, this.support);
    this.evidence.show(this.support.model, query);
    for (const [each, tile] of this.#tiles) tile.setAttribute("aria-pressed", String(each === query));
    const said = prediction.known === false ? t("bars.none.short") : prediction.label;
    const tile = this.#tiles.get(query)?.querySelector("span");
    tile?.replaceChildren(said);
    tile?.setAttribute("title", said);
  }

  #fail(error) {
    this.bars.clear();
    show(this.evidence.element, false);
    this.error.textContent = error.message;
  }

  #tile(query) {
    const image = h("img", { src: query.url, alt: "", width: 56, height: 56 });
    const tile = h("button", { type: "button", class: "tile", "aria-pressed": "false" }, image, h("span", {}, "?"));
    tile.setAttribute("aria-label", t("try.ask", { file: query.filename }));
    tile.addEventListener("click", () => {
      this.way("file");
      this.bars.untell();
      this.ask(query);
    });
    this.#tiles.set(query, tile);
    this.strip.append(h("li", {}, tile));
    while (this.strip.children.length > MOST_TILES) this.strip.firstElementChild.remove();
    show(this.offered, true);
  }

  /** The picture joins a class: what was wrong, or weak, can be put right. It is said here, where it was asked for. */
  #teach(each) {
    const { blob, filename, source, original } = this.#query;
    const undo = this.support.change(() => each.pictures.push(new Picture(blob, filename, source, original)));
    const undone = () => {
      undo();
      this.bars.tell(t("undone"));
    };
    this.bars.tell(
      t("try.taught", { name: each.name }),
      button(t("train.again"), () => this.adapt(), { kind: "secondary" }),
      button(t("undo"), undone, { icon: "undo", label: t("try.taught.undo") }),
    );
  }
}
