/** What a card can open: a pad to draw on, or the camera. */

import { Camera } from "./camera.js";
import { button, h } from "./dom.js";
import { Pad } from "./pad.js";
import { t } from "./words.js";

const BURST_MS = 300;

export class PadTool {
  kind = "draw";

  /** @param {string} name of the class @param {(blob: Blob) => void} add */
  constructor(name, add) {
    const pad = new Pad(t("pad.of", { name }), () => {
      keep.disabled = pad.isEmpty;
    });
    const kept = async () => {
      add(await pad.picture());
      pad.reset();
    };
    const keep = button(t("pad.add"), kept, { icon: "add", kind: "secondary", disabled: true });
    this.element = h("div", { class: "tool" }, pad.canvas, h("div", { class: "row" }, keep, pad.undo, pad.clear));
  }

  close() {}
}

export class CameraTool {
  kind = "camera";

  /** @param {(blob: Blob) => void} add */
  constructor(add) {
    this.camera = new Camera();
    const take = async () => add(await this.camera.picture());
    const shutter = button(t("camera.take"), (event) => event.detail === 0 && take(), { icon: "camera", kind: "secondary", disabled: true });
    burst(shutter, take);
    const hint = h("p", { class: "quiet-text" }, t("camera.hold"));
    const error = h("p", { class: "error", role: "alert" });
    const row = h("div", { class: "row" }, shutter, this.camera.turn);
    this.element = h("div", { class: "tool" }, this.camera.video, row, hint, error);
    const ready = () => {
      shutter.disabled = false;
    };
    const refused = (reason) => {
      error.textContent = reason.message;
      for (const part of [this.camera.video, row, hint]) part.remove();
    };
    this.camera.start().then(ready, refused);
  }

  close() {
    this.camera.stop();
  }
}

/** Takes when pressed, and again and again while held, wherever the pointer goes. */
function burst(shutter, take) {
  let timer = 0;
  shutter.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || shutter.disabled) return;
    shutter.setPointerCapture(event.pointerId);
    take();
    timer = setInterval(take, BURST_MS);
  });
  for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) {
    shutter.addEventListener(end, () => clearInterval(timer));
  }
  shutter.addEventListener("contextmenu", (event) => event.preventDefault()); // what holding opens on a phone
}
