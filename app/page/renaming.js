/** New names, for classes and models; those that the server knows it is told at once. */

import * as api from "./api.js";
import { note } from "./notices.js";
import { plain, t } from "./words.js";

/**
 * @param {import("./support.js").Support} support
 * @param {import("./support.js").Class} renamed
 * @param {string} text
 */
export async function renameClass(support, renamed, text) {
  const name = plain(text);
  renamed.error = unfit(support, renamed, name);
  if (renamed.error) return support.changed();
  const { label } = renamed;
  renamed.name = name;
  support.changed();
  if (!label || label === name) return;
  try {
    const model = await api.rename(support.model.id, { classes: { [label]: name } });
    renamed.label = name;
    support.renamed({ ...support.model, ...model });
  } catch (error) {
    Object.assign(renamed, { name: label, error: error.message });
    support.changed();
  }
}

/** @param {import("./support.js").Support} support @param {string} text */
export async function renameModel(support, text) {
  try {
    support.renamed({ ...support.model, ...(await api.rename(support.model.id, { name: plain(text) || null })) });
  } catch (error) {
    note(t("rename.failed", { why: error.message }));
  }
}

function unfit(support, renamed, name) {
  if (!name) return t("class.nameless");
  const taken = support.classes.some((each) => each !== renamed && each.name === name);
  return taken ? t("class.twice", { name }) : "";
}
