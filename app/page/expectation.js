/** What to expect of a model, in plain words, and what would make it better. */

import { learningCurve } from "./chart.js";
import { h } from "./dom.js";
import { doubted } from "./support.js";
import { counted, listed, named, percent, t } from "./words.js";

const WORTH_IT = 0.02;
const NEARLY_ALL = 0.95; // of answers right, for a model to be sure enough

/**
 * What everybody should see.
 * @param {any} model what /adapt answered
 * @param {import("./support.js").Support} support
 * @returns {Element[]}
 */
export function expectation(model, support) {
  return [accuracy(model), advice(model, support)].filter(Boolean);
}

/** What is folded away. @returns {Element[]} */
export function details(model) {
  return [sureness(model), curve(model)].filter(Boolean);
}

function accuracy({ validation, shots }) {
  if (!validation) {
    const single = Math.max(...Object.values(shots)) < 2;
    return h("p", { class: "quiet-text" }, t(single ? "expect.second" : "expect.untold"));
  }
  const { accuracy, low, high } = validation;
  const range = low === null ? "" : ` ${t("expect.range", { low: hundredths(low), high: hundredths(high) })}`;
  return h("p", { class: "accuracy" }, h("strong", {}, percent(accuracy)), h("span", {}, t("expect.right", { n: hundredths(accuracy) }) + range));
}

/** Of 100: never more than 99, since nobody knows that all will be. */
function hundredths(share) {
  return Math.min(99, Math.round(100 * share));
}

/** From which score on nearly all answers are right, where that isn't so of all. */
function sureness({ validation }) {
  const point = validation?.operating_points?.find(({ right }) => right >= NEARLY_ALL);
  if (!point || point.answered === 1) return null;
  const values = { score: percent(point.min_score), right: hundredths(point.right), answered: hundredths(point.answered) };
  return h("p", { class: "quiet-text" }, t("expect.sure", values));
}

function curve({ validation }) {
  const points = validation?.learning_curve ?? [];
  if (points.length < 2) return null;
  const [before, last] = points.slice(-2);
  const values = { from: before.images, to: last.images, before: counted(before.accuracy), after: counted(last.accuracy) };
  const verdict = t(last.accuracy - before.accuracy > WORTH_IT ? "curve.more" : "curve.enough", values);
  return h("div", { class: "curve" }, h("h3", {}, t("curve.title")), learningCurve(points), h("p", {}, verdict));
}

function advice(model, support) {
  const lines = [...warned(model), doubtful(model, support), copied(model), confused(model), unbalanced(model), few(model)].filter(Boolean);
  return lines.length ? h("ul", { class: "advice" }, ...lines.map((line) => h("li", {}, line))) : null;
}

/** Pictures that were taken though the network sees little of them. */
function warned({ warnings = [] }) {
  return warnings.slice(0, 3).map(named);
}

/** Wrong labels and poor pictures look like another class's. */
function doubtful(model, support) {
  const all = doubted(model).map((each) => ({ file: each.filename, name: nameOf(support, each.index) ?? each.label, other: each.taken_for }));
  const odd = all.filter(({ name, other }) => name !== other).map((each) => t("advice.one", each)); // not moved since
  return odd.length ? t("advice.doubtful", { pictures: listed(odd), n: odd.length }) : "";
}

/** Frames of one scene tell no more than one of them. */
function copied({ near_copies: groups = [] }) {
  if (!groups.length) return "";
  const files = groups[0].map(({ filename }) => filename);
  return t("advice.copies", { pictures: listed(files.slice(0, 3)) });
}

/** Classes that are taken for one another gain most by more pictures. */
function confused({ validation }) {
  const [first] = validation?.confusions ?? [];
  if (!first || first.images < 2) return "";
  return t("advice.confused", { some: first.images, n: first.of, name: first.label, other: first.taken_for });
}

function unbalanced({ shots }) {
  const [[fewest, least]] = Object.entries(shots).sort(([, one], [, other]) => one - other);
  const most = Math.max(...Object.values(shots));
  return most > 2 * least ? t("advice.unbalanced", { name: fewest, n: least, most }) : "";
}

function few({ shots }) {
  return Math.min(...Object.values(shots)) < 3 ? t("advice.few") : "";
}

function nameOf(support, index) {
  return support.pictures.find(({ picture }) => picture.index === index)?.class.name;
}
