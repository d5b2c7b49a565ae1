/** Sort a folder: pictures without labels lie under the classes they look like, until somebody confirms or moves them. */

import * as api from "./api.js";
import { takeDrops } from "./cards.js";
import { download } from "./copying.js";
import { button, byId, h, show } from "./dom.js";
import { chosen, PICTURES, prepared, transferred } from "./intake.js";
import { note, say } from "./notices.js";
import { Sheet } from "./sheet.js";
import { percent, t } from "./words.js";

const SURE = 48; // pictures that are looked at together
const TEACH = 16; // fewer: of those many are wrong
const AT_ONCE = 400; // pictures of a request
const VIEWS = { all: 0, sure: SURE, teach: TEACH };
const FORMULA = /^[=+\-@\t\r]/;

/** Tells of other "items". */
export class Sorting extends EventTarget {
  /** Pictures with the files they came from. @type {{picture: any, file: File, path: string}[]} */
  #items = [];
  /** What the model suggests, by picture. @type {Map<any, {label: string, score: number, rank: number, known: boolean|null}>} */
  #suggested = new Map();
  #groups = new Map();
  #chips = new Map();
  #view = "all";
  /** Those that are looked at: until the next sorting no others join them, which nobody would have seen. @type {Set<any>} */
  #few = new Set();
  /** @type {AbortController|null} */
  #ranking = null;
  #ranked = Promise.resolve();

  /** @param {import("./support.js").Support} support @param {import("./adapting.js").Adapting} adapting */
  constructor(support, adapting) {
    super();
    Object.assign(this, { support, adapting });
    byId("sort").append(...this.#layout());
    this.sheet = new Sheet(this.area, (event) => this.#key(event), () => this.#tell());
    takeDrops(byId("sorting"), async (transfer) => this.take(await transferred(transfer)));
    support.addEventListener("change", () => this.#refresh());
    for (const event of ["model", "renamed"]) {
      support.addEventListener(event, () => {
        this.#ranked = this.#rank();
      });
    }
    this.#refresh();
  }

  /** Files to sort; what labels their folders may be isn't asked. */
  async take(found) {
    const told = (done, all) => this.#say(t("sort.reading", { done, n: all }));
    try {
      const { items, left_out: leftOut } = await prepared(found, this.support.checkpoint, told);
      this.#items.push(...items);
      this.dispatchEvent(new Event("items"));
      if (leftOut.length) note(t("left.out.first", { n: leftOut.length, file: leftOut[0].filename, why: leftOut[0].reason }));
    } catch (error) {
      note(t("sort.unread", { why: error.message }));
    }
    await this.#rank();
  }

  /** What there is to sort, with what nobody sorted yet. */
  get items() {
    return this.#items;
  }

  /** Other pictures take the place of these. */
  async replace(items) {
    this.#items = items;
    this.#suggested = new Map();
    await this.#rank();
  }

  /** Those that nobody has confirmed. */
  get #left() {
    const confirmed = new Set(this.support.pictures.map(({ picture }) => picture));
    return this.#items.filter(({ picture }) => !confirmed.has(picture));
  }

  #layout() {
    const picker = (label, properties) => {
      const input = h("input", { type: "file", multiple: true, class: "unseen", tabindex: "-1", "aria-label": label, ...properties });
      input.addEventListener("change", () => this.take(chosen(input)));
      return input;
    };
    const folder = picker(t("sort.folder"), { webkitdirectory: true });
    const files = picker(t("sort.files"), { accept: PICTURES });
    const again = () => this.#confirmAndAdapt();
    this.status = h("p", { class: "quiet-text", role: "status" });
    this.area = h("div", { class: "groups" });
    this.name = h("input", { id: "sort-name", list: "sort-names", maxlength: 100, autocomplete: "off", placeholder: t("class") });
    this.names = h("datalist", { id: "sort-names" });
    this.chips = h("div", { class: "row chips" });
    this.again = button(t("sort.now"), again, { kind: "primary" });
    this.rest = button(t("sort.confirm.all"), () => this.#confirm(this.#left), { kind: "secondary" });
    this.views = this.#views();
    this.tools = h(
      "div",
      { class: "row sort-tools", hidden: true },
      this.views,
      h("form", { class: "row", onsubmit: (event) => this.#named(event) }, h("label", { for: "sort-name" }, t("sort.put")), this.name, this.names),
      this.again,
      this.rest,
      this.chips,
    );
    this.results = h(
      "div",
      { class: "row", hidden: true },
      button(t("sort.zip"), () => this.#download(async (files) => (await import("./zip.js")).zip(files), "sorted.zip"), { icon: "download", kind: "secondary" }),
      button(t("sort.csv"), () => this.#download(csv, "sorted.csv"), { icon: "download", kind: "secondary" }),
      h("span", { class: "quiet-text" }, t("sort.unconfirmed")),
    );
    const choose = button(t("choose.folder"), () => folder.click(), { icon: "folder", kind: "secondary" });
    const some = button(t("choose.pictures"), () => files.click(), { icon: "picture", kind: "secondary" });
    const drop = h("div", { class: "drop" }, choose, some, h("span", { class: "quiet-text" }, t("drop.them")), folder, files);
    return [drop, this.status, this.results, this.tools, this.area];
  }

  #views() {
    const choice = ([view, n]) => {
      const radio = h("input", { type: "radio", name: "view", value: view, checked: view === this.#view, onchange: () => this.#show(view) });
      return h("label", {}, radio, h("span", {}, t(`sort.view.${view}`, { n })));
    };
    return h("fieldset", { class: "choice" }, h("legend", { class: "unseen" }, t("sort.views")), ...Object.entries(VIEWS).map(choice));
  }

  #show(view) {
    this.#view = view;
    this.#choose();
    this.#refresh();
  }

  /** Asks the model about all that isn't confirmed. */
  async #rank() {
    const { model } = this.support;
    const left = this.#left;
    if (!model || !left.length) return this.#refresh();
    this.#ranking?.abort();
    const { signal } = (this.#ranking = new AbortController());
    this.#busy(true);
    try {
      const found = new Map();
      for (let start = 0; start < left.length; start += AT_ONCE) {
        const some = left.slice(start, start + AT_ONCE);
        this.#say(t("sort.sorting", { done: start + some.length, n: left.length }));
        const { pictures } = await api.rank(model.id, some.map(({ picture }) => picture), signal);
        for (const each of pictures) found.set(some[each.index].picture, each);
      }
      this.#suggested = found;
    } catch (error) {
      if (error.name === "AbortError") return;
      note(t("sort.failed", { why: error.message }));
    }
    this.#busy(false);
    this.#choose();
    this.#refresh();
  }

  #busy(is) {
    byId("sorting").setAttribute("aria-busy", String(is));
    this.again.disabled = this.rest.disabled = is;
  }

  /** Chooses the few to look at. */
  #choose() {
    const by = (value) => (one, other) => value(one) - value(other);
    const [score, rank] = ["score", "rank"].map((name) => ({ picture }) => this.#suggested.get(picture)?.[name] ?? 0);
    const few = this.#view === "sure" ? this.#left.sort(by(score)).slice(-SURE) : this.#left.sort(by(rank)).slice(0, TEACH);
    this.#few = new Set(few.map(({ picture }) => picture));
  }

  /** Those to look at now, in their order: in a class the doubtful first. */
  #looked() {
    const score = ({ picture }) => this.#suggested.get(picture)?.score ?? 0;
    const left = this.#left.sort((one, other) => score(one) - score(other));
    if (!this.#suggested.size || this.#view === "all") return left;
    return left.filter(({ picture }) => this.#few.has(picture));
  }

  #refresh() {
    const looked = this.#looked();
    const { classes } = this.support;
    const own = new Set(this.#items.map(({ picture }) => picture));
    const named = new Map(classes.map((each) => [each.label ?? each.name, each]));
    const places = new Map([null, ...classes].map((each) => [each, []])); // what is to be named stays where it is
    for (const item of looked) places.get(named.get(this.#suggested.get(item.picture)?.label) ?? null).push(item.picture);
    const used = [...places].filter(([each, pictures]) => (each ? pictures.length || each.pictures.length : pictures.length));
    this.area.replaceChildren(...(this.#items.length ? used : []).map(([each, pictures]) => this.#group(each, pictures, own)));
    this.sheet?.keep(looked.map(({ picture }) => picture));
    this.names.replaceChildren(...classes.map((each) => h("option", { value: each.name })));
    this.chips.replaceChildren(...classes.filter((each) => each.pictures.length).map((each) => this.#chip(each)));
    show(this.tools, this.#items.length > 0);
    show(this.results, this.#items.length > 0 && this.support.model !== null);
    this.#tell();
  }

  #group(each, pictures, own) {
    const group = this.#groups.get(each) ?? this.#newGroup(each);
    const { classes } = this.support;
    const confirmed = each?.pictures.filter((picture) => own.has(picture)).length ?? 0;
    const key = each && classes.indexOf(each) < 9 ? String(classes.indexOf(each) + 1) : "";
    group.element.dataset.hue = each ? String(classes.indexOf(each) % 8) : "";
    group.key.textContent = key;
    show(group.key, key !== "");
    group.title.textContent = each?.name ?? t("sort.unsorted");
    group.amount.textContent = [pictures.length && each && t("sort.suggested", { n: pictures.length }), pictures.length && !each && pictures.length, confirmed && t("sort.confirmed", { n: confirmed })].filter(Boolean).join(" · ");
    show(group.confirm, each !== null && pictures.length > 0);
    group.confirm.setAttribute("aria-label", t("sort.confirm.as", { name: each?.name }));
    show(group.list, pictures.length > 0);
    group.list.setAttribute("aria-label", each ? t("sort.suggested.as", { name: each.name }) : t("sort.unsorted"));
    group.list.replaceChildren(...pictures.map((picture) => this.sheet.tile(picture, this.#described(picture))));
    return group.element;
  }

  #newGroup(each) {
    const list = h("ul", { role: "listbox", "aria-multiselectable": "true" });
    const [key, title, amount] = [h("kbd"), h("h3"), h("span", { class: "amount" })];
    const confirm = button(t("sort.confirm"), () => this.#confirm(this.#left.filter(({ picture }) => [...list.children].some((tile) => tile.picture === picture))));
    const element = h("section", { class: "group" }, h("header", {}, key, title, amount, confirm), list);
    if (each) this.#takeTiles(element, each);
    const group = { element, list, key, title, amount, confirm };
    this.#groups.set(each, group);
    return group;
  }

  /** A class that stays in sight: tiles can be dropped on it. */
  #chip(each) {
    const found = this.#chips.get(each) ?? button("", () => this.#put([...this.sheet.selected], () => each), { kind: "secondary" });
    if (!this.#chips.has(each)) this.#takeTiles(found, each);
    this.#chips.set(each, found);
    const place = this.support.classes.indexOf(each);
    found.dataset.hue = String(place % 8);
    found.replaceChildren(...(place < 9 ? [h("kbd", {}, String(place + 1))] : []), h("span", {}, each.name));
    found.setAttribute("aria-label", t("sort.put.in", { name: each.name }));
    return found;
  }

  #takeTiles(element, each) {
    const over = (event, is) => {
      if (![...event.dataTransfer.types].includes(Sheet.KIND)) return;
      event.preventDefault();
      element.classList.toggle("over", is);
    };
    element.addEventListener("dragover", (event) => over(event, true));
    element.addEventListener("dragleave", (event) => over(event, element.contains(event.relatedTarget)));
    element.addEventListener("drop", (event) => {
      if (![...event.dataTransfer.types].includes(Sheet.KIND)) return;
      over(event, false);
      event.stopPropagation();
      this.#put([...this.sheet.selected], () => each);
    });
  }

  #described(picture) {
    const suggested = this.#suggested.get(picture);
    if (!suggested) return picture.filename;
    return t(suggested.known === false ? "sort.tile.none" : "sort.tile", { file: picture.filename, label: suggested.label, score: percent(suggested.score) });
  }

  /** Digits choose a class, Enter confirms what is suggested, N goes to the name of a class. */
  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return false;
    const each = /^[1-9]$/.test(event.key) ? this.support.classes[Number(event.key) - 1] : null;
    if (each) this.#put([...this.sheet.selected], () => each);
    else if (event.key === "Enter") this.#confirm(this.#left.filter(({ picture }) => this.sheet.selected.has(picture)));
    else if (event.key.toLowerCase() === "n") this.name.focus();
    else return false;
    return true;
  }

  #named(event) {
    event.preventDefault();
    const name = this.name.value.trim();
    if (!name) return;
    if (!this.sheet.selected.size) return note(t("sort.select"));
    this.#put([...this.sheet.selected], () => this.support.named(name));
    this.name.value = "";
  }

  /** Pictures join a class. @param {() => import("./support.js").Class} classOf */
  #put(pictures, classOf) {
    if (!pictures.length) return;
    this.sheet.during(() => {
      let each = null;
      const undo = this.support.change(() => {
        each = classOf();
        each.pictures.push(...pictures);
      });
      note(t("sort.moved", { n: pictures.length, name: each.name }), undo);
    });
  }

  /** What is suggested for these is right. */
  #confirm(items) {
    const { support } = this;
    const known = items.filter(({ picture }) => this.#suggested.has(picture));
    if (!known.length) return;
    const classes = new Map(support.classes.map((each) => [each.label ?? each.name, each]));
    this.sheet.during(() => {
      const undo = support.change(() => {
        for (const { picture } of known) classes.get(this.#suggested.get(picture).label)?.pictures.push(picture);
      });
      note(t("sort.done", { n: known.length }), undo);
    });
  }

  /** Confirms what is looked at, if that is but a few, and adapts to all that is confirmed: that sorts the rest anew. */
  async #confirmAndAdapt() {
    if (this.#view !== "all") this.#confirm(this.#looked());
    const { added, removed } = this.support.differences();
    if (this.support.model && !added.length && !removed.length) return this.#rank();
    this.#busy(true);
    await this.adapting.run();
    await this.#ranked;
    this.#busy(false);
    this.#tell();
    const error = byId("adapt-error").textContent;
    if (error) note(error);
  }

  /** How far it is, and what is selected. */
  #tell() {
    const left = this.#left.length;
    const { model } = this.support;
    const few = this.#view !== "all" && this.#suggested.size > 0;
    const looked = few ? this.#looked().length : 0;
    this.again.querySelector("span").textContent = !model ? t("sort.now") : looked ? t("sort.confirm.few", { n: looked }) : t("sort.again");
    for (const part of [this.rest, this.views]) show(part, model !== null && left > 0 && this.#suggested.size > 0);
    if (byId("sorting").getAttribute("aria-busy") === "true" || !this.#items.length) return;
    const chosenNow = this.sheet?.selected.size ?? 0;
    const expected = model?.validation ? t("sort.expected", { n: Math.min(99, Math.round(100 * model.validation.accuracy)) }) : "";
    const parts = [t("sort.far", { done: this.#items.length - left, n: this.#items.length }), left > 0 && expected, chosenNow > 0 && t("sort.selected", { n: chosenNow })];
    const hint = !model ? ` ${t("sort.hint")}` : left ? ` ${t("sort.next")}` : "";
    this.status.textContent = `${parts.filter(Boolean).join(" · ")}.${hint}`;
  }

  #say(text) {
    this.status.textContent = text;
  }

  /** Each file with the class it is in, or is suggested for. */
  #sorted() {
    const confirmed = new Map(this.support.pictures.map(({ picture, class: each }) => [picture, each.name]));
    const names = new Map(this.support.classes.map((each) => [each.label ?? each.name, each.name]));
    return this.#items.map(({ picture, file, path }) => {
      const suggested = this.#suggested.get(picture);
      const label = confirmed.get(picture) ?? (suggested ? names.get(suggested.label) : null) ?? "";
      return { file, path, label, confirmed: confirmed.has(picture), score: suggested?.score };
    });
  }

  async #download(make, filename) {
    download(await make(folders(this.#sorted())), filename);
    say(t("saved.file", { file: filename }));
  }
}

/** The same with paths in class folders, each its own. */
function folders(sorted) {
  const used = new Set();
  return sorted.map((each) => {
    const folder = each.label.replaceAll(/[/\\:*?"<>|]/g, "_").replace(/^\.+/, "_") || "unsorted";
    const name = each.path.split("/").at(-1);
    let path = `${folder}/${name}`;
    for (let number = 2; used.has(path.toLowerCase()); number += 1) path = `${folder}/${number}-${name}`;
    used.add(path.toLowerCase());
    return { ...each, from: each.path, path, blob: each.file };
  });
}

async function csv(files) {
  const rows = files.map(({ from, label, confirmed, score }) => [from, label, String(confirmed), confirmed || score === undefined ? "" : score.toFixed(4)]);
  const lines = [["file", "label", "confirmed", "score"], ...rows].map((row) => row.map(cell).join(","));
  return new Blob([`${lines.join("\n")}\n`], { type: "text/csv" });
}

/** As a spreadsheet takes it for text. */
function cell(text) {
  const safe = FORMULA.test(text) ? `'${text}` : text;
  return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
