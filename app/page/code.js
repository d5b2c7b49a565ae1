/** The same from code, for this very model, and the model as a file. */

import * as api from "./api.js";
import { button, byId, h, show } from "./dom.js";
import { keyHeaders } from "./key.js";
import { note, say } from "./notices.js";

const FORMATS = { onnx: "ONNX, runs as it is", safetensors: "safetensors, the weights" };
const COPIED_MS = 1500;

/** @param {any|null} model @param {(name: string) => void} rename */
export function showUse(model, rename) {
  show(byId("use"), model !== null);
  if (!model) return;
  byId("model").replaceChildren(nameField(model, rename), exports(model), link());
  byId("code").replaceChildren(h("h3", {}, "Use it from code"), ...snippets(model.id).map(snippet));
}

/** Lines to paste. @returns {[string, string][]} */
function snippets(id) {
  const url = new URL(".", document.baseURI).href.replace(/\/$/, "");
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
    ["Command line", `KSHOT_URL=${url} kshot predict ${id} picture.jpg`],
  ];
}

function snippet([title, code]) {
  const copy = button("Copy", () => copied(copy, code), { icon: "copy", label: `Copy the ${title} lines` });
  const block = h("pre", { tabindex: "0", "aria-label": title }, h("code", {}, code));
  return h("div", { class: "snippet" }, h("header", {}, h("h4", {}, title), copy), block);
}

async function copied(copy, code) {
  try {
    await navigator.clipboard.writeText(code);
  } catch {
    return note("The browser doesn’t let this page copy. Select the lines and copy them.");
  }
  say("Copied.");
  copy.classList.add("done");
  setTimeout(() => copy.classList.remove("done"), COPIED_MS);
}

function nameField(model, rename) {
  const input = h("input", { id: "model-name", maxlength: 200, autocomplete: "off", placeholder: "untitled" });
  input.value = model.name ?? "";
  input.addEventListener("change", () => rename(input.value));
  return h("div", { class: "field" }, h("label", { for: "model-name" }, "Name of the model"), input);
}

function exports(model) {
  const save = (format) => {
    const saving = button(FORMATS[format], () => exported(saving, model, format), { icon: "download", kind: "secondary" });
    return saving;
  };
  return h("div", { class: "field" }, h("span", {}, "As a file"), h("div", { class: "row" }, ...Object.keys(FORMATS).map(save)));
}

async function exported(saving, { id }, format) {
  saving.disabled = true;
  try {
    const url = URL.createObjectURL(await api.exported(id, format));
    h("a", { href: url, download: `${id}.${format}` }).click();
    setTimeout(() => URL.revokeObjectURL(url), 60000);
  } catch (error) {
    note(`It can’t be exported. ${error.message}`);
  }
  saving.disabled = false;
}

function link() {
  const copy = button("Copy the link", () => copied(copy, location.href), { icon: "copy", kind: "secondary" });
  return h("div", { class: "field" }, h("span", {}, "To open it again"), h("div", { class: "row" }, copy));
}
