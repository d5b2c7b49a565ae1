/** Puts the page together. */

import { Adapting } from "./adapting.js";
import * as api from "./api.js";
import { Cards } from "./cards.js";
import { showUse } from "./code.js";
import { byId, h, show } from "./dom.js";
import { example } from "./examples.js";
import { prepareAgain, transferred } from "./intake.js";
import { dismiss, note, say } from "./notices.js";
import { opened } from "./opening.js";
import { renameClass, renameModel } from "./renaming.js";
import { Saved, titleOf } from "./saved.js";
import { Class, Support } from "./support.js";
import { Tryout } from "./tryout.js";

const SOURCES = {
  photos: "The photos of the example come from the Clothing dataset (Alexey Grigorev and contributors, 2020), CC0.",
  drawings: "The drawings of the example come from Omniglot (Lake, Salakhutdinov and Tenenbaum, 2015), MIT.",
};

const support = new Support();
const cards = new Cards(support, (each, name) => renameClass(support, each, name));
const adapting = new Adapting(support);
const tryout = new Tryout(support);
const saved = new Saved(() => support.model?.id ?? null, forget);
/** @type {any[]} */
let checkpoints = [];

support.addEventListener("edit", dismiss);
support.addEventListener("model", showModel);
support.addEventListener("renamed", showModel);
for (const kind of /** @type {const} */ (["photos", "drawings"])) {
  byId(`example-${kind}`).addEventListener("click", () => tryExample(kind));
}
document.addEventListener("paste", pasted);
addEventListener("hashchange", follow);
start();

async function start() {
  checkpoints = (await api.checkpoints()).checkpoints;
  byId("checkpoints").append(...checkpoints.map(choice));
  begin(checkpoints.find((each) => each.default).name);
  await Promise.all([saved.refresh(), follow()]);
}

/** Two empty classes. */
function begin(checkpoint) {
  choose(checkpoint);
  support.replace([new Class("Class 1"), new Class("Class 2")], checkpoint);
  tryout.forget(drawn(checkpoint) ? "draw" : "file");
}

async function tryExample(kind) {
  const { channels } = { photos: { channels: 3 }, drawings: { channels: 1 } }[kind];
  const fitting = checkpoints.find((each) => each.channels === channels);
  if (!fitting) return note(`This server has no checkpoint for ${kind}.`);
  byId("example-photos").disabled = byId("example-drawings").disabled = true;
  const own = support.pictures.some(({ picture }) => picture.index === null);
  const { classes, queries } = await example(kind);
  choose(fitting.name);
  const undo = support.replace(classes, fitting.name);
  tryout.forget("file");
  tryout.offer(queries);
  byId("source").textContent = SOURCES[kind];
  byId("adapting").scrollIntoView({ block: innerWidth < 992 ? "start" : "nearest" });
  adapting.name = `Example: ${kind}`;
  await adapting.run();
  adapting.name = null;
  byId("example-photos").disabled = byId("example-drawings").disabled = false;
  if (own) note("The example took the place of your cards.", undo);
}

/** Opens the model that the address names, if it isn't open already. */
async function follow() {
  const id = new URLSearchParams(location.hash.slice(1)).get("model");
  if (!id || id === support.model?.id) return;
  try {
    const { model, classes, pictures } = await opened(id);
    choose(model.checkpoint.name);
    support.replace(classes, model.checkpoint.name);
    support.adopt(model, pictures);
    tryout.forget(drawn(model.checkpoint.name) ? "draw" : "file");
    say(`Opened ${titleOf(model)}.`);
  } catch (error) {
    note(`The model can’t be opened. ${error.message}`);
  }
}

function showModel() {
  const { model } = support;
  showUse(model, (name) => renameModel(support, name));
  history(model);
  if (model && location.hash !== `#model=${model.id}`) window.history.pushState(null, "", `#model=${model.id}`);
  if (model) saved.refresh();
}

/** Which version this is, and of what. */
function history(model) {
  const parts = model ? [`${titleOf(model)}, version ${model.version}`] : [];
  if (model?.parent) parts.push(" · made from ", h("a", { href: `#model=${model.parent}` }, `version ${model.version - 1}`));
  if (model && !model.images_kept) parts.push(" · its pictures were not kept: adapting again needs them all");
  byId("history").replaceChildren(...parts);
  show(byId("history"), model !== null);
}

/** The model that is shown was deleted: its cards stay. */
function forget(id) {
  if (support.model?.id !== id) return;
  window.history.replaceState(null, "", location.pathname);
  support.replace(support.classes, support.checkpoint);
}

function choice({ name, channels }) {
  const pick = () => change(name);
  const radio = h("input", { type: "radio", name: "checkpoint", value: name, onchange: pick });
  return h("label", { title: `Checkpoint ${name}` }, radio, h("span", {}, titles(name, channels)));
}

function titles(name, channels) {
  const alike = checkpoints.filter((each) => each.channels === channels).length > 1;
  if (alike) return name;
  return channels === 1 ? "Drawings" : "Photos";
}

/** Another checkpoint for the same pictures. */
function change(name) {
  choose(name);
  support.change(() => {
    support.checkpoint = name;
  });
  support.ready = support.ready.then(() => prepareAgain(support)).catch((error) => note(`The pictures can’t be prepared anew. ${error.message}`));
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
