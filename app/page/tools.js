/** What a card can open: a pad to draw on, or the camera. */

import { Camera } from "./camera.js";
import { button, h } from "./dom.js";
import { Pad } from "./pad.js";

const BURST_MS = 300;

export class PadTool {
  kind = "draw";

  /** @param {string} name of the class @param {(blob: Blob) => void} add */
  constructor(name, add) {
    const pad = new Pad(`Pad to draw ${name} on, with a mouse, a finger or a pen`, () => {
      keep.disabled = pad.isEmpty;
    });
    const kept = async () => {
      add(await pad.picture());
      pad.reset();
    };
    const keep = button("Add drawing", kept, { icon: "add", kind: "secondary", disabled: true });
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
    const shutter = button("Take a picture", (event) => event.detail === 0 && take(), { icon: "camera", kind: "secondary", disabled: true });
    burst(shutter, take);
    const hint = h("p", { class: "quiet-text" }, "Hold the button for one after another.");
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

/** Takes at once when pressed, and again and again while held. */
function burst(shutter, take) {
  let timer = 0;
  shutter.addEventListener("pointerdown", () => {
    take();
    timer = setInterval(take, BURST_MS);
  });
  for (const end of ["pointerup", "pointerleave", "pointercancel"]) {
    shutter.addEventListener(end, () => clearInterval(timer));
  }
}
