/** The ways to a new picture: a file, a drawing, the camera. */

import { Camera } from "./camera.js";
import { sleep } from "./connection.js";
import { button, h, show } from "./dom.js";
import { chosen, PICTURES } from "./intake.js";
import { Pad } from "./pad.js";
import { t } from "./words.js";

const DRAWN_MS = 120;
const SEEN_MS = 200;
const WAYS = ["file", "draw", "camera"];

export class Ways {
  #soon = 0;

  /**
   * @param {object} told
   * @param {(found: {file: File, path: string}[]) => void} told.files were chosen
   * @param {(picture: {blob: Blob, filename: string, url: string, original: Blob}|null) => Promise<void>|void} told.seen a
   *   drawing, null when it was wiped, or what the camera sees
   * @param {(error: Error) => void} told.failed
   * @param {(way: string) => void} told.changed
   */
  constructor(told) {
    this.told = told;
    this.camera = new Camera();
    this.pad = new Pad(t("pad.new"), () => this.#drawn());
    const files = h("input", { type: "file", multiple: true, accept: PICTURES, class: "unseen", tabindex: "-1", "aria-label": t("try.files") });
    files.addEventListener("change", () => told.files(chosen(files)));
    const choose = button(t("try.file"), () => files.click(), { icon: "picture", kind: "secondary" });
    this.parts = {
      file: h("div", { class: "drop" }, choose, h("span", { class: "quiet-text" }, t("try.drop")), files),
      draw: h("div", { class: "tool" }, this.pad.canvas, h("div", { class: "row" }, this.pad.undo, this.pad.clear)),
      camera: h("div", { class: "tool" }, this.camera.video, this.camera.turn),
    };
    const legend = h("legend", { class: "unseen" }, t("try.how"));
    this.radios = h("fieldset", { class: "choice" }, legend, ...WAYS.map((way) => this.#radio(way)));
    this.element = h("div", { class: "asked" }, this.radios, ...Object.values(this.parts));
  }

  choose(way) {
    for (const [each, part] of Object.entries(this.parts)) show(part, each === way);
    this.radios.querySelector(`[value="${way}"]`).checked = true;
    this.told.changed(way);
    if (way === "camera") this.#watch();
    else this.camera.stop();
  }

  #radio(way) {
    const radio = h("input", { type: "radio", name: "way", value: way, onchange: () => this.choose(way) });
    return h("label", {}, radio, h("span", {}, t(`way.${way}`)));
  }

  #drawn() {
    clearTimeout(this.#soon);
    if (this.pad.isEmpty) return this.told.seen(null);
    this.#soon = setTimeout(async () => this.told.seen(unlisted(await this.pad.picture(), "drawing.png")), DRAWN_MS);
  }

  /** One frame at a time, for as long as the camera is chosen. */
  async #watch() {
    try {
      await this.camera.start();
      for (; this.camera.isOn; await sleep(SEEN_MS)) await this.told.seen(unlisted(await this.camera.picture(), "camera.jpg"));
    } catch (error) {
      show(this.parts.camera, false);
      this.told.failed(error);
    }
  }
}

/** A query that comes and goes, of which no tile is made. */
function unlisted(blob, filename) {
  return { blob, filename, url: "", original: blob, source: null };
}
