/** What to expect of a model, in plain words, and what would make it better. */

import { learningCurve } from "./chart.js";
import { h } from "./dom.js";
import { count, listed, percent } from "./words.js";

const UNSURE = Math.LN2; // of a picture with more loss than this the model holds something else likelier
const WORTH_IT = 0.02;

/**
 * @param {any} model what /adapt answered
 * @param {import("./support.js").Support} support
 * @returns {Element[]}
 */
export function expectation(model, support) {
  return [accuracy(model), curve(model), advice(model, support)].filter(Boolean);
}

function accuracy({ validation }) {
  if (!validation) {
    const text = "How good it is can’t be told yet: give at least one class a second picture.";
    return h("p", { class: "quiet-text" }, text);
  }
  const right = Math.round(10 * validation.accuracy);
  const words = h("span", {}, right === 10 ? "Nearly all new pictures like these should be named right." : `About ${right} of 10 new pictures like these should be named right.`);
  return h("p", { class: "accuracy" }, h("strong", {}, percent(validation.accuracy)), words);
}

function curve({ validation }) {
  const points = validation?.learning_curve ?? [];
  if (points.length < 2) return null;
  const [before, last] = points.slice(-2);
  const gain = last.accuracy - before.accuracy;
  const rise = `from ${before.images} to ${last.images} pictures a class it went from ${percent(before.accuracy)} to ${percent(last.accuracy)}`;
  const verdict = gain > WORTH_IT ? `More pictures should help: ${rise}.` : `These are enough, it seems: ${rise}.`;
  return h("div", { class: "curve" }, h("h3", {}, "Are there enough pictures?"), learningCurve(points), h("p", {}, verdict));
}

function advice(model, support) {
  const lines = [doubtful(model, support), unbalanced(model), few(model)].filter(Boolean);
  return lines.length ? h("ul", { class: "advice" }, ...lines.map((line) => h("li", {}, line))) : null;
}

/** Wrong labels and poor pictures show by their loss. */
function doubtful(model, support) {
  const odd = model.hardest_images.filter(({ loss }) => loss > UNSURE);
  if (!odd.length) return "";
  const named = odd.map(({ index, label, filename }) => `${filename} of ${nameOf(support, index) ?? label}`);
  return `Look again at ${listed(named)}: by the model it looks more like another class. Is it in the right place?`;
}

function unbalanced({ shots }) {
  const [[fewest, least]] = Object.entries(shots).sort(([, one], [, other]) => one - other);
  const most = Math.max(...Object.values(shots));
  return most > 2 * least ? `${fewest} has ${count(least, "picture")}, others up to ${most}. Add some to it first.` : "";
}

function few({ shots }) {
  const least = Math.min(...Object.values(shots));
  return least < 3 ? "With three or more pictures of each class it learns markedly better." : "";
}

function nameOf(support, index) {
  return support.pictures.find(({ picture }) => picture.index === index)?.class.name;
}
