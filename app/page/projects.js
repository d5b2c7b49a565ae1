/** Projects: kept in this browser while somebody works, found again by the address, saved and opened as a file. */

import * as api from "./api.js";
import { download } from "./copying.js";
import { byId, h, show } from "./dom.js";
import { chosen, prepared, sourced } from "./intake.js";
import { claim, drop, keep, kept, latest, newId, tidy } from "./keeping.js";
import { note, say } from "./notices.js";
import { opened } from "./opening.js";
import { titleOf } from "./saved.js";
import { Class, Picture } from "./support.js";
import { t, when } from "./words.js";

const PAUSE_MS = 300;
/** Fields of options by what they are called in requests. */
const SETTINGS = { steps: "steps", ttl_seconds: "lifetime" };

export class Projects {
  #id = newId();
  #claimed = new Set();
  #edited = false;
  #timer = 0;
  #keptAt = 0;
  /** @type {string|null} */
  #followed = null;
  /** @type {string|null} */
  #was = null;

  /**
   * @param {import("./support.js").Support} support @param {import("./sorting.js").Sorting} sorting
   * @param {object} told
   * @param {() => void} told.begin shows an empty project
   * @param {(checkpoint: string) => void} told.shown another one is shown
   * @param {(model: any) => Promise<boolean>} told.other opens a model that isn't of pictures, if it is one
   */
  constructor(support, sorting, told) {
    Object.assign(this, { support, sorting, told });
    this.name = byId("project-name");
    const file = byId("project-file");
    byId("project-open").addEventListener("click", () => file.click());
    file.addEventListener("change", () => this.open(chosen(file)[0].file));
    byId("project-save").addEventListener("click", () => this.save());
    this.name.addEventListener("change", () => this.#changed());
    support.addEventListener("project", (event) => this.open(/** @type {CustomEvent} */ (event).detail));
    support.addEventListener("edit", () => (this.#edited = true));
    support.addEventListener("change", () => this.#changed());
    support.addEventListener("model", () => this.#moved());
    sorting.addEventListener("items", () => {
      this.#edited = true;
      this.#changed();
    });
    for (const event of ["popstate", "hashchange"]) addEventListener(event, () => this.follow());
    addEventListener("visibilitychange", () => this.#flush());
    tidy().catch(() => {}); // a private window may keep nothing
  }

  /** Shows what the address names, if it isn't shown already. */
  async follow() {
    if (location.hash === this.#followed || (this.#followed !== null && isPlace(location.hash))) return;
    await this.#flush();
    this.#followed = location.hash;
    const { model, project } = address();
    if (project && project === this.#id && model === this.#model) return;
    if (project && (await this.#restored(project, model))) return;
    if (model) return this.#openModel(model);
    this.#fresh();
    this.told.begin();
    if (project) note(t("project.gone"));
    await this.#offerLast();
  }

  /** Opens a project's file. */
  async open(file) {
    const { isProject, unpacked } = await import("./project.js");
    if (!(await isProject(file))) return note(t("project.none"));
    try {
      await this.#flush();
      const document = await unpacked(file);
      const files = document.pictures.map(({ blob, file: path, filename }) => ({ file: new File([blob], filename), path }));
      const told = (done, n) => say(t("sort.reading", { done, n }));
      const { items, left_out: leftOut } = await prepared(files, document.checkpoint, told);
      this.#fresh();
      await this.#show(document, new Map(items.map(({ picture, path }) => [path, picture])));
      note(leftOut.length ? t("left.out.first", { n: leftOut.length, file: leftOut[0].filename, why: leftOut[0].reason }) : t("project.opened"));
    } catch (error) {
      note(t("project.unread", { why: error.message }));
    }
  }

  /** Gives the project as a file. */
  async save() {
    const name = (this.name.value || t("project")).replaceAll(/[/\\:*?"<>|]/g, "_");
    const { packed } = await import("./project.js");
    download(await packed(this.#state()), `${name}.zip`);
    say(t("saved.file", { file: `${name}.zip` }));
  }

  /** The model that is shown was deleted; its cards stay. */
  forget() {
    this.#write(null, true);
    this.support.replace(this.support.classes, this.support.checkpoint);
  }

  get #model() {
    return this.support.model?.id ?? null;
  }

  /** All that there is, each picture once. */
  #state() {
    const { support, sorting } = this;
    const pictures = [...new Set([...support.pictures, ...sorting.items].map(({ picture }) => picture))];
    const places = new Map(pictures.map((picture, place) => [picture, place]));
    const classes = support.classes.map(({ name, label, pictures: own }) => ({ name, label, pictures: own.map((each) => places.get(each)) }));
    const pool = sorting.items.map(({ picture, path }) => ({ place: places.get(picture), path }));
    const settings = Object.fromEntries(Object.entries(SETTINGS).map(([name, id]) => [name, byId(id).value ? Number(byId(id).value) : null]));
    const { checkpoint, model, size } = support;
    return { name: this.name.value, checkpoint, model, size, known: model?.classes ?? [], settings: { ...settings, keep_images: byId("keep-images").checked }, classes, pool, pictures };
  }

  /** Another project begins; the one that was shown is kept. */
  async leave() {
    await this.#flush();
    this.#fresh();
  }

  #fresh() {
    this.#id = newId();
    this.#edited = false;
    this.name.value = "";
  }

  /** Shows a project as it was kept in this browser. Says whether it was. */
  async #restored(project, model) {
    const state = await kept(project, model).catch(() => undefined);
    if (!state) return false;
    const ours = this.#claimed.has(project) || (await claim(project));
    this.#id = ours ? project : newId(); // what is shown from here on is kept as this one
    this.#claimed.add(this.#id);
    const pictures = state.pictures.map(({ blob, filename, original, ...rest }) => blob && Object.assign(new Picture(blob, filename, null, original ?? blob), { key: rest.key, index: rest.index, doubtful: rest.doubtful }));
    const there = pictures.filter(Boolean);
    sourced(there.filter(({ original, blob }) => original !== blob));
    const found = state.model && (await api.model(state.model).catch(() => null));
    const labelOf = ({ label }) => found?.classes[state.known.indexOf(label)] ?? null; // it may have been renamed since; the order stays
    const classes = state.classes.map((each) => Object.assign(new Class(labelOf(each) ?? each.name, each.pictures.map((place) => pictures[place]).filter(Boolean)), { label: labelOf(each) }));
    this.#settle(state);
    this.told.shown(state.checkpoint);
    this.support.restore({ classes, checkpoint: state.checkpoint, size: found ? state.size : 0, model: found });
    if (!found) for (const picture of there) picture.index = null;
    const pool = state.pool.filter(({ place }) => pictures[place]);
    await this.sorting.replace(pool.map(({ place, path }) => ({ picture: pictures[place], file: pictures[place].original, path })));
    if (!ours) note(t("project.copy"));
    this.#write(found?.id ?? null, true);
    say(t("project.opened"));
    return true;
  }

  /** Shows a project's document. @param {Map<string, Picture>} pictures by the names of their files */
  async #show(document, pictures) {
    const labelled = document.pictures.filter(({ label, file }) => label !== null && pictures.has(file));
    const classes = document.classes.map((name) => new Class(name, labelled.filter(({ label }) => label === name).map(({ file }) => pictures.get(file))));
    const model = document.model_id && (await api.model(document.model_id).catch(() => null));
    for (const { file, index } of model ? labelled : []) pictures.get(file).index = index;
    for (const each of model ? classes : []) each.label = model.classes.includes(each.name) ? each.name : null;
    const size = model ? Object.values(model.shots).reduce((sum, each) => sum + each, 0) : 0;
    this.#settle(document);
    this.told.shown(document.checkpoint);
    this.support.restore({ classes, checkpoint: document.checkpoint, model, size });
    const pool = document.pictures.filter(({ to_sort: path, file }) => path && pictures.has(file));
    await this.sorting.replace(pool.map(({ file, blob, to_sort: path }) => ({ picture: pictures.get(file), file: blob, path })));
    this.#edited = true;
    this.#changed();
  }

  #settle({ name, settings }) {
    this.name.value = name;
    this.name.dispatchEvent(new Event("change"));
    for (const [name, id] of Object.entries(SETTINGS)) byId(id).value = settings[name] ?? "";
    byId("keep-images").checked = settings.keep_images ?? true;
  }

  async #openModel(id) {
    try {
      const found = await api.model(id);
      this.#fresh();
      if (await this.told.other(found)) return;
      const { model, classes, pictures } = await opened(found);
      this.told.shown(model.checkpoint.name);
      this.support.replace(classes, model.checkpoint.name);
      this.support.adopt(model, pictures);
      this.#edited = false;
      say(t("model.opened", { name: titleOf(model) }));
    } catch (error) {
      if (!this.support.classes.length) this.told.begin();
      note(t("model.unopened", { why: error.message }));
    }
  }

  /** What somebody left is offered to go on with. */
  async #offerLast() {
    const last = await latest().catch(() => undefined);
    show(byId("last"), last !== undefined);
    if (!last) return;
    const names = { name: last.name || null, classes: last.classes.map(({ name }) => name), checkpoint: { name: last.checkpoint } };
    const link = h("a", { href: hash(last.model, last.project) }, t("project.last", { name: titleOf(names) }));
    byId("last").replaceChildren(link, ` · ${when(last.saved)}`);
  }

  #changed() {
    clearTimeout(this.#timer);
    const some = this.support.pictures.length + this.sorting.items.length > 0;
    byId("project-save").disabled = !some;
    if (this.#edited && some) this.#timer = setTimeout(() => this.#keep(), Math.max(0, this.#keptAt + PAUSE_MS - Date.now()));
  }

  /** Another model is shown: the one before is a step back. */
  #moved() {
    const { model } = this.support;
    const before = this.#was;
    this.#was = this.#model;
    if (!model || address().model === model.id) return;
    this.#write(model.id, false);
    if (before) this.#handOn(before);
  }

  /** What changed since is the new model's: once that is kept, the one before is as it was. */
  async #handOn(before) {
    const id = this.#id;
    if ((await this.#keep()) && this.#model !== before) await drop(id, before).catch(() => {});
  }

  async #flush() {
    if (!this.#timer) return;
    clearTimeout(this.#timer);
    await this.#keep();
  }

  /** Says whether all is kept. */
  async #keep() {
    this.#timer = 0;
    if (!this.#edited) return;
    this.#keptAt = Date.now();
    const id = this.#id;
    try {
      await keep(id, this.#model, this.#state());
      if (!this.#claimed.has(id)) this.#claimed.add(id) && (await claim(id));
      const { project } = address();
      if (id === this.#id && project !== id) this.#write(this.#model, !project); // a step back is what was there before
      return true;
    } catch (error) {
      if (!this.failed) note(t("project.unkept", { why: error.message }));
      this.failed = true;
    }
  }

  /** @param {string|null} model @param {boolean} replaces the address that is there */
  #write(model, replaces) {
    const there = hash(model, this.#edited || this.#claimed.has(this.#id) ? this.#id : null);
    history[replaces ? "replaceState" : "pushState"](null, "", there || location.pathname);
    this.#followed = location.hash;
  }
}

function address() {
  const said = new URLSearchParams(location.hash.slice(1));
  return { model: said.get("model"), project: said.get("project") };
}

/** Whether it is a place on the page, which says nothing of a project. */
function isPlace(fragment) {
  return fragment !== "" && !fragment.includes("=");
}

function hash(model, project) {
  const parts = [model && `model=${model}`, project && `project=${project}`].filter(Boolean);
  return parts.length ? `#${parts.join("&")}` : "";
}
