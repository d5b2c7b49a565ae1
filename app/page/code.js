/** What to do with the model: its name, its file, the lines that use it from code. */

import * as api from "./api.js";
import { copier, download } from "./copying.js";
import { button, byId, h, HOME, show } from "./dom.js";
import { keyHeaders } from "./key.js";
import { note } from "./notices.js";
import { t } from "./words.js";

const FORMATS = ["onnx", "safetensors"];

/** @param {any} model @param {(name: string) => void} rename */
export function showUse(model, rename) {
  byId("model").replaceChildren(sharing(model), nameField(model, rename), link(model));
  byId("code").replaceChildren(...snippets(model.id).map(snippet), exports(model));
}

/** Lines to paste. @returns {[string, string][]} */
function snippets(id) {
  const url = HOME.href.replace(/\/$/, "");
  const key = "Authorization" in keyHeaders();
  const header = key ? ' -H "Authorization: Bearer $KSHOT_API_KEY"' : "";
  const python = [
    "from kshot import Client",
    "",
    `with Client("${url}") as kshot:`,
    `    answer = kshot.predict("${id}", ["picture.jpg"])`,
    "    print(answer.predictions[0].label, answer.predictions[0].score)",
  ];
  return [
    ["curl", `curl${header} -F model_id=${id} -F images=@picture.jpg ${url}/predict`],
    ["Python", python.join("\n")],
    [t("code.shell"), `KSHOT_URL=${url} kshot predict ${id} picture.jpg`],
  ];
}

function snippet([title, code]) {
  const copy = copier(t("copy"), () => code, t("code.copy", { title }));
  const block = h("pre", { tabindex: "0", "aria-label": title }, h("code", {}, code));
  return h("div", { class: "snippet" }, h("header", {}, h("h3", {}, title), copy), block);
}

/** What it takes to share is fetched when somebody wants to. */
function sharing({ id }) {
  const field = h("div", { class: "field sharing" }, h("span", {}, t("share.title")));
  const panel = h("div", { class: "panel", hidden: true });
  const toggled = async () => {
    show(panel, panel.hidden);
    open.setAttribute("aria-expanded", String(!panel.hidden));
    const { Sharing } = await import("./sharing.js");
    if (!panel.hidden) panel.replaceChildren(...(await new Sharing(id).opened()));
  };
  const open = button(t("share"), toggled, { icon: "share", kind: "primary", "aria-expanded": "false", id: "share" });
  field.append(h("div", { class: "row" }, open), panel);
  return field;
}

function nameField(model, rename) {
  const input = h("input", { id: "model-name", maxlength: 200, autocomplete: "off", placeholder: t("model.untitled") });
  input.value = model.name ?? "";
  input.addEventListener("change", () => rename(input.value));
  return h("div", { class: "field" }, h("label", { for: "model-name" }, t("model.name")), input);
}

function exports(model) {
  const save = (format) => {
    const saving = button(t(`export.${format}`), () => exported(saving, model, format), { icon: "download", kind: "secondary" });
    return saving;
  };
  return h("div", { class: "field" }, h("span", {}, t("export")), h("div", { class: "row" }, ...FORMATS.map(save)));
}

async function exported(saving, { id }, format) {
  saving.disabled = true;
  try {
    download(await api.exported(id, format), `${id}.${format}`);
  } catch (error) {
    note(t("export.failed", { why: error.message }));
  }
  saving.disabled = false;
}

function link({ id }) {
  const address = () => new URL(`#model=${id}`, HOME).href;
  const copy = copier(t("link.copy"), address, null, "secondary");
  return h("div", { class: "field" }, h("span", {}, t("link")), h("div", { class: "row" }, copy));
}
