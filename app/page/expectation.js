/** What to expect of a model, in plain words, and what would make it better. */

import { learningCurve } from "./chart.js";
import { h } from "./dom.js";
import { count, listed, percent, warning } from "./words.js";

const UNSURE = Math.LN2; // of a picture with more loss than this the model holds something else likelier
const WORTH_IT = 0.02;
const NEARLY_ALL = 0.95; // of answers right, for a model to be sure enough

/**
 * @param {any} model what /adapt answered
 * @param {import("./support.js").Support} support
 * @returns {Element[]}
 */
export function expectation(model, support) {
  return [accuracy(model), sureness(model), curve(model), advice(model, support)].filter(Boolean);
}

function accuracy({ validation }) {
  if (!validation) {
    const text = "How good it is can’t be told yet: give at least one class a second picture that shows it otherwise.";
    return h("p", { class: "quiet-text" }, text);
  }
  const { accuracy, low, high } = validation;
  const range = low === null ? "" : ` Nine times of ten it is ${hundredths(low)} to ${hundredths(high)}.`;
  const words = `About ${hundredths(accuracy)} of 100 new pictures like these should be named right.${range}`;
  return h("p", { class: "accuracy" }, h("strong", {}, percent(accuracy)), h("span", {}, words));
}

/** Of 100: never more than 99, since nobody knows that all will be. */
function hundredths(share) {
  return Math.min(99, Math.round(100 * share));
}

/** From which score on nearly all answers are right, where that isn't so of all. */
function sureness({ validation }) {
  const point = validation?.operating_points?.find(({ right }) => right >= NEARLY_ALL);
  if (!point || point.answered === 1) return null;
  const words = `Of answers with ${percent(point.min_score)} or more about ${hundredths(point.right)} of 100 should be right; ${hundredths(point.answered)} of 100 pictures get one.`;
  return h("p", { class: "quiet-text" }, words);
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
  const lines = [...warned(model), doubtful(model, support), copied(model), confused(model), unbalanced(model), few(model)].filter(Boolean);
  return lines.length ? h("ul", { class: "advice" }, ...lines.map((line) => h("li", {}, line))) : null;
}

/** Pictures that were taken though the network sees little of them. */
function warned({ warnings = [] }) {
  return warnings.slice(0, 3).map(warning);
}

/** Wrong labels and poor pictures show by their loss. */
function doubtful(model, support) {
  const odd = model.hardest_images.filter(({ loss }) => loss > UNSURE);
  if (!odd.length) return "";
  const named = odd.map(({ index, label, filename }) => `${filename} of ${nameOf(support, index) ?? label}`);
  return `Look again at ${listed(named)}: by the model it looks more like another class. Is it in the right place?`;
}

/** Frames of one scene tell no more than one of them. */
function copied({ near_copies: groups = [] }) {
  if (!groups.length) return "";
  const named = groups[0].map(({ filename }) => filename);
  return `${listed(named.slice(0, 3))} look like copies or frames of one scene, and count as one. Add pictures of other moments, places or things.`;
}

/** Classes that are taken for one another gain most by more pictures. */
function confused({ validation }) {
  const [first] = validation?.confusions ?? [];
  if (!first || first.images < 2) return "";
  return `${first.images} of ${count(first.of, "picture")} of ${first.label} looked like ${first.taken_for} while they were left out. Add pictures of both that show how they differ.`;
}

function unbalanced({ shots }) {
  const [[fewest, least]] = Object.entries(shots).sort(([, one], [, other]) => one - other);
  const most = Math.max(...Object.values(shots));
  return most > 2 * least ? `${fewest} has ${count(least, "picture")}, others up to ${most}. Classes count alike, so it costs the others nothing; add some to it first.` : "";
}

function few({ shots }) {
  const least = Math.min(...Object.values(shots));
  return least < 3 ? "With three or more pictures of each class it learns markedly better." : "";
}

function nameOf(support, index) {
  return support.pictures.find(({ picture }) => picture.index === index)?.class.name;
}
