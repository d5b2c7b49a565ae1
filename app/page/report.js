/** What came of files that were added: which are left out and why, what there is to know, and what can't be read. */

import { button, byId, h, show } from "./dom.js";
import { named, t } from "./words.js";

const FEW = 4;

/** For the next files. */
export function clear() {
  byId("taken").replaceChildren();
  show(byId("taken"), false);
}

/**
 * Says that it is being read, and how far it is, until it is done.
 * @returns {{told: (share: number) => void, done: () => void}}
 */
export function reading(name) {
  const bar = h("progress", { max: 1, "aria-label": t("reading", { name }) });
  const line = add(h("p", { class: "quiet-text reading" }, t("reading", { name }), bar));
  const told = (share) => {
    bar.value = share;
    if (share === 1) bar.removeAttribute("value"); // all is sent: now the server looks at it
  };
  const done = () => {
    line.remove();
    if (byId("taken").children.length === 1) clear(); // the button alone
  };
  return { told, done };
}

/** What an inspection left out, and what it warns of. */
export function told({ left_out: leftOut, warnings }) {
  const files = leftOut.map(({ filename, reason }) => h("li", {}, h("b", {}, filename), `: ${reason}`));
  if (files.length) add(listing(t("left.out", { n: files.length }), files));
  const remarks = warnings.map((each) => h("li", {}, named(each)));
  if (remarks.length) add(listing(t("remarks", { n: remarks.length }), remarks));
}

/**
 * Why nothing of it was taken; where its names may be in several encodings, they are offered.
 * @param {string} name @param {any} problem @param {(encoding: string) => void} again
 */
export function refused(name, problem, again) {
  const choices = (problem.candidates ?? []).map(({ encoding, names }) => choice(names.join(", "), encoding, again));
  const said = choices.length ? t("encodings") : problem.message;
  add(h("div", { class: "refusal" }, h("p", { class: "error", role: "alert" }, `${name}: ${said}`), h("div", { class: "row" }, ...choices)));
}

function choice(names, encoding, again) {
  const choose = () => {
    clear();
    again(encoding);
  };
  return button(names, choose, { kind: "secondary", label: `${names} (${encoding})` });
}

/** Folded up if it is long. */
function listing(summary, items) {
  return h("details", { open: items.length <= FEW }, h("summary", {}, summary), h("ul", {}, ...items));
}

function add(element) {
  if (!byId("taken").children.length) byId("taken").append(button("", clear, { icon: "close", label: t("taken.dismiss") }));
  byId("taken").append(element);
  show(byId("taken"), true);
  return element;
}
