/** What came of files that were added: which are left out and why, what there is to know, and what can't be read. */

import { button, byId, h, show } from "./dom.js";
import { count, warning } from "./words.js";

const FEW = 4;

/** For the next files. */
export function clear() {
  byId("taken").replaceChildren();
  show(byId("taken"), false);
}

/** Says that it is being read, until what it returns is called. */
export function reading(name) {
  const line = add(h("p", { class: "quiet-text" }, `Reading ${name}…`));
  return () => {
    line.remove();
    if (byId("taken").children.length === 1) clear(); // the button alone
  };
}

/** What an inspection left out, and what it warns of. */
export function told({ left_out: leftOut, warnings }) {
  const files = leftOut.map(({ filename, reason }) => h("li", {}, h("b", {}, filename), `: ${reason}`));
  if (files.length) add(listing(`${count(files.length, "file")} left out`, files));
  const remarks = warnings.map((each) => h("li", {}, warning(each)));
  if (remarks.length) add(listing(`${count(remarks.length, "thing")} to know`, remarks));
}

/**
 * Why nothing of it was taken; where its names may be in several encodings, they are offered.
 * @param {string} name @param {any} problem @param {(encoding: string) => void} again
 */
export function refused(name, problem, again) {
  const choices = problem.candidates.map(({ encoding, names }) => choice(names.join(", "), encoding, again));
  const said = choices.length ? "Its names can be read in several ways. Which one is right?" : warning({ ...problem, detail: problem.message });
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
  if (!byId("taken").children.length) byId("taken").append(button("", clear, { icon: "close", label: "Dismiss what was said of the files" }));
  byId("taken").append(element);
  show(byId("taken"), true);
  return element;
}
