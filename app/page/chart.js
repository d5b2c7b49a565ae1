/** Small charts: the loss while it falls, and what more pictures gave. */

import { h, show, svg } from "./dom.js";
import { counted, t } from "./words.js";

const [WIDTH, HEIGHT] = [320, 150];
const LEAST = 0.01; // of a highest value: what is smaller is nothing
const EDGE = { left: 40, right: 12, top: 12, bottom: 26 };

/** The loss after each step. */
export class LossChart {
  /** @type {[number, number][]} */
  #points = [];

  constructor() {
    this.line = svg("polyline", { class: "line" });
    this.area = svg("polygon", { class: "area" });
    this.dots = svg("g", { class: "dots" });
    this.ticks = svg("g", { class: "ticks" });
    this.caption = h("figcaption");
    this.drawing = svg("svg", { class: "chart", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img" });
    this.drawing.append(this.ticks, this.area, this.line, this.dots);
    this.element = h("figure", {}, this.drawing, this.caption);
  }

  reset() {
    this.#points = [];
    for (const part of [this.dots, this.ticks]) part.replaceChildren();
    this.line.setAttribute("points", "");
    this.area.setAttribute("points", "");
  }

  /** @param {{step: number, steps: number, loss: number}} event */
  add({ step, steps, loss }) {
    this.#points.push([step, loss]);
    const highest = Math.max(...this.#points.map(([, value]) => value), LEAST);
    const x = (value) => scale(value, Math.max(steps, 1), EDGE.left, WIDTH - EDGE.right);
    const y = (value) => scale(value, highest, HEIGHT - EDGE.bottom, EDGE.top);
    const points = this.#points.map(([at, value]) => [x(at), y(value)]);
    show(this.drawing, points.length > 1);
    this.#trace(points);
    this.ticks.replaceChildren(...axes(steps, highest, x, y));
    this.#describe(step, steps);
  }

  /** A model's own curve, all at once. */
  set(losses) {
    this.reset();
    losses.forEach((loss, step) => this.add({ step, steps: losses.length - 1, loss }));
  }

  #trace(points) {
    const line = points.map((point) => point.join()).join(" ");
    const [first, last] = [points[0][0], points.at(-1)[0]];
    this.line.setAttribute("points", line);
    this.area.setAttribute("points", `${first},${HEIGHT - EDGE.bottom} ${line} ${last},${HEIGHT - EDGE.bottom}`);
    this.dots.replaceChildren(...points.map(([cx, cy]) => svg("circle", { cx, cy, r: points.length > 25 ? 1.5 : 3 })));
  }

  #describe(step, steps) {
    const [before, after] = [this.#points[0][1], this.#points.at(-1)[1]].map((loss) => loss.toFixed(2));
    const text = t(steps ? "chart.steps" : "chart.none", { before, after, n: step });
    this.caption.textContent = text;
    this.drawing.setAttribute("aria-label", text);
  }
}

/** What 1, 2, 4, … pictures a class gave. @param {{images: number, accuracy: number}[]} curve */
export function learningCurve(curve) {
  const column = ({ images, accuracy }) => {
    const bar = h("span", { class: "column" });
    bar.style.setProperty("--share", String(accuracy));
    return h("li", {}, h("span", {}, counted(accuracy)), bar, h("span", {}, String(images)));
  };
  return h("ol", { class: "columns", "aria-label": t("curve.label") }, ...curve.map(column));
}

function scale(value, highest, from, to) {
  return from + (value / highest) * (to - from);
}

function axes(steps, highest, x, y) {
  const shown = steps < 11 ? 1 : Math.ceil(steps / 50) * 5;
  const numbers = Array.from({ length: steps + 1 }, (_, step) => step).filter((step) => step % shown === 0);
  const below = { y: HEIGHT - 8, "text-anchor": "middle" };
  const values = [0, highest / 2, highest];
  return [
    ...values.map((value) => svg("line", { x1: EDGE.left, x2: WIDTH - EDGE.right, y1: y(value), y2: y(value) })),
    ...values.map((value) =>
      svg("text", { x: EDGE.left - 6, y: y(value) + 4, "text-anchor": "end" }, value === 0 ? "0" : value.toFixed(2)),
    ),
    ...numbers.map((step) => svg("text", { x: x(step), ...below }, String(step))),
  ];
}
