/** A pad to draw on, by mouse, finger or pen: black on white, as the symbols that `omniglot` learnt from. */

import { button, h } from "./dom.js";
import { t } from "./words.js";

const SIDE = 280;
const WIDTH = 8; // of a stroke: 3 of Omniglot's 105 pixels

export class Pad {
  /** @type {{x: number, y: number}[][]} */
  #strokes = [];
  #drawing = false;

  /** @param {string} label @param {() => void} onchange */
  constructor(label, onchange = () => {}) {
    this.onchange = onchange;
    this.canvas = h("canvas", { class: "pad", width: SIDE, height: SIDE, role: "img", "aria-label": label });
    this.canvas.addEventListener("pointerdown", (event) => this.#begin(event));
    this.canvas.addEventListener("pointermove", (event) => this.#move(event));
    for (const end of ["pointerup", "pointercancel"]) this.canvas.addEventListener(end, () => this.#end());
    this.undo = button(t("undo"), () => this.#set(this.#strokes.slice(0, -1)), { icon: "undo", disabled: true });
    this.clear = button(t("clear"), () => this.reset(), { disabled: true });
    this.#draw();
  }

  get isEmpty() {
    return this.#strokes.length === 0;
  }

  reset() {
    this.#set([]);
  }

  /** @returns {Promise<Blob>} a PNG */
  picture() {
    return new Promise((resolve) => this.canvas.toBlob(resolve, "image/png"));
  }

  #begin(event) {
    if (event.button !== 0) return;
    this.canvas.setPointerCapture(event.pointerId);
    this.#drawing = true;
    this.#set([...this.#strokes, [this.#point(event)]]);
  }

  #move(event) {
    if (!this.#drawing) return;
    const passed = event.getCoalescedEvents?.() ?? [];
    this.#strokes.at(-1).push(...(passed.length ? passed : [event]).map((each) => this.#point(each)));
    this.#set(this.#strokes);
  }

  #end() {
    this.#drawing = false;
  }

  #point(event) {
    const box = this.canvas.getBoundingClientRect();
    const scale = SIDE / box.width;
    return { x: (event.clientX - box.left) * scale, y: (event.clientY - box.top) * scale };
  }

  #set(strokes) {
    this.#strokes = strokes;
    this.undo.disabled = this.clear.disabled = this.isEmpty;
    this.#draw();
    this.onchange();
  }

  #draw() {
    const context = this.canvas.getContext("2d");
    context.fillStyle = "white";
    context.fillRect(0, 0, SIDE, SIDE);
    Object.assign(context, { lineWidth: WIDTH, lineCap: "round", lineJoin: "round", strokeStyle: "black" });
    for (const stroke of this.#strokes) context.stroke(smooth(stroke));
  }
}

/** Through the middles between points, bent by the points. */
function smooth([first, ...rest]) {
  const path = new Path2D();
  path.moveTo(first.x, first.y);
  let last = first;
  for (const point of rest) {
    path.quadraticCurveTo(last.x, last.y, (last.x + point.x) / 2, (last.y + point.y) / 2);
    last = point;
  }
  path.lineTo(last.x, last.y);
  return path;
}
