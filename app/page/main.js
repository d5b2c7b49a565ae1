/** Puts the page together. */

import { Adapting } from "./adapting.js";
import * as api from "./api.js";
import { Cards, keepPage } from "./cards.js";
import { button, byId, h, show } from "./dom.js";
import { example } from "./examples.js";
import { prepareAgain, transferred } from "./intake.js";
import { dismiss, note } from "./notices.js";
import { Projects } from "./projects.js";
import { renameClass, renameModel } from "./renaming.js";
import { Saved, titleOf } from "./saved.js";
import { Sorting } from "./sorting.js";
import { Class, Support } from "./support.js";
import { Texts } from "./text.js";
import { Tryout } from "./tryout.js";
import { language, speak, t } from "./words.js";

const BESIDE = 992; // pixels from which the steps stand beside one another

const support = new Support();
const cards = new Cards(support, (each, name) => renameClass(support, each, name));
const adapting = new Adapting(support);
const tryout = new Tryout(support, () => adapting.run());
const sorting = new Sorting(support, adapting);
const projects = new Projects(support, sorting, { begin, shown, other: openOther });
const saved = new Saved(() => support.model?.id ?? null, (id) => support.model?.id === id && projects.forget());
/** Those for pictures. @type {any[]} */
let checkpoints = [];
/** @type {Texts|null} */
let texts = null;

support.addEventListener("edit", dismiss);
support.addEventListener("change", () => {
  const some = support.pictures.length + sorting.items.length > 0;
  if (!document.querySelector("#cards .camera")) document.body.classList.toggle("started", some); // no shutter moves
});
support.addEventListener("model", showModel);
support.addEventListener("renamed", showModel);
support.addEventListener("model", () => import("./measuring.js").then(({ Measuring }) => Measuring.of(support)));
for (const kind of /** @type {const} */ (["photos", "drawings"])) {
  byId(`example-${kind}`).addEventListener("click", () => tryExample(kind));
}
byId("language").value = language;
byId("language").addEventListener("change", () => speak(byId("language").value));
byId("project-name").addEventListener("change", () => (adapting.name = byId("project-name").value || null));
document.addEventListener("paste", pasted);
for (const link of document.querySelectorAll('a[href^="#"]')) link.addEventListener("click", goTo);
keepPage(() => note(t("drop.missed")));
start();

async function start() {
  try {
    await load();
  } catch (error) {
    const again = button(t("again"), () => location.reload(), { kind: "secondary" });
    byId("cards").replaceChildren(h("div", { class: "failure" }, h("p", { class: "error", role: "alert" }, t("start.failed", { why: error.message })), again));
  }
}

async function load() {
  const all = (await api.checkpoints()).checkpoints;
  checkpoints = all.filter((each) => each.takes === "images");
  const [forTexts] = all.filter((each) => each.takes === "texts");
  if (forTexts) texts = new Texts(forTexts.name, () => saved.refresh());
  byId("checkpoints").append(...checkpoints.map(choice));
  show(byId("checkpoints"), checkpoints.length > 1);
  await Promise.all([saved.refresh(), projects.follow()]);
}

/** Two empty classes. */
function begin() {
  const { name } = checkpoints.find((each) => each.default) ?? checkpoints[0];
  shown(name);
  support.replace([1, 2].map((n) => new Class(t("class.name", { n }))), name);
  sorting.replace([]);
}

/** Pictures for this checkpoint are shown. */
function shown(checkpoint) {
  choose(checkpoint);
  tryout.forget(drawn(checkpoint) ? "draw" : "file");
}

async function tryExample(kind) {
  const { channels } = { photos: { channels: 3 }, drawings: { channels: 1 } }[kind];
  const fitting = checkpoints.find((each) => each.channels === channels);
  if (!fitting) return note(t(`example.${kind}.none`));
  byId("example-photos").disabled = byId("example-drawings").disabled = true;
  const own = support.pictures.some(({ picture }) => picture.index === null);
  const { classes, queries } = await example(kind);
  shown(fitting.name);
  await projects.leave();
  const undo = support.replace(classes, fitting.name);
  tryout.offer(queries);
  byId("source").textContent = t(`example.${kind}.source`);
  toTesting();
  adapting.example = t(`example.${kind}`);
  await adapting.run();
  adapting.example = null;
  byId("example-photos").disabled = byId("example-drawings").disabled = false;
  toTesting();
  if (own) note(t("example.replaced"), undo);
}

/** What to do next is in sight, and has the focus that the example's button loses. */
function toTesting() {
  byId("trying").focus({ preventScroll: true });
  byId(innerWidth < BESIDE ? "trying" : "bench").scrollIntoView({ block: "start", behavior: "instant" });
}

/** A place on the page; the address stays that of the project. */
function goTo(event) {
  event.preventDefault();
  const place = byId(event.currentTarget.hash.slice(1));
  place.scrollIntoView();
  place.focus({ preventScroll: true });
}

/** Opens a model of texts, or says what else takes numbers; says whether it was one of them. */
async function openOther(found) {
  if (checkpoints.some(({ name }) => name === found.checkpoint.name)) return false;
  if (!support.classes.length) begin();
  if (found.checkpoint.name === texts?.checkpoint) await texts.open(found);
  else note(t("model.numbers", { name: titleOf(found) }));
  return true;
}

async function showModel() {
  const { model } = support;
  for (const part of ["use", "try-next"]) show(byId(part), model !== null);
  if (model) (await import("./code.js")).showUse(model, (name) => renameModel(support, name));
  history(model);
  if (model) saved.refresh();
}

/** Which version this is, and of what. */
function history(model) {
  const parts = model ? [t("model.version", { name: titleOf(model), n: model.version })] : [];
  if (model?.parent) parts.push(" · ", h("a", { href: `#model=${model.parent}` }, t("model.parent", { n: model.version - 1 })));
  if (model && !model.images_kept) parts.push(` · ${t("model.unkept")}`);
  byId("history").replaceChildren(...parts);
  show(byId("history"), model !== null);
}

function choice({ name, channels }) {
  const pick = () => change(name);
  const radio = h("input", { type: "radio", name: "checkpoint", value: name, onchange: pick });
  return h("label", {}, radio, h("span", {}, titles(name, channels)));
}

function titles(name, channels) {
  const alike = checkpoints.filter((each) => each.channels === channels).length > 1;
  if (alike) return name;
  return t(channels === 1 ? "drawings" : "photos");
}

/** Another checkpoint for the same pictures. */
function change(name) {
  choose(name);
  support.change(() => {
    support.checkpoint = name;
  });
  support.ready = support.ready.then(() => prepareAgain(support)).catch((error) => note(t("change.failed", { why: error.message })));
  tryout.way(drawn(name) ? "draw" : "file");
}

function choose(name) {
  const radio = [...byId("checkpoints").querySelectorAll("input")].find((each) => each.value === name);
  if (radio) radio.checked = true;
  cards.drawsFirst = drawn(name);
}

function drawn(name) {
  return checkpoints.find((each) => each.name === name)?.channels === 1;
}

async function pasted(event) {
  if (!event.clipboardData.files.length) return;
  event.preventDefault();
  if (document.activeElement?.closest("#trying")) await tryout.take(await transferred(event.clipboardData));
  else await cards.paste(event.clipboardData);
}
