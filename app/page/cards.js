/** The classes as cards. */

import { Card } from "./card.js";
import { button, byId, h } from "./dom.js";
import { ARCHIVES, chosen, take, transferred } from "./intake.js";
import { note } from "./notices.js";
import { Class } from "./support.js";
import { t } from "./words.js";

export class Cards {
  /** @type {Map<Class, Card>} */
  #cards = new Map();

  /** @param {import("./support.js").Support} support @param {(each: Class, name: string) => Promise<void>} rename */
  constructor(support, rename) {
    this.support = support;
    this.rename = rename;
    this.list = byId("cards");
    byId("add").append(...this.#buttons());
    support.addEventListener("change", () => this.refresh());
    this.#takeDrops(byId("classes"));
  }

  refresh() {
    const { classes } = this.support;
    const cards = classes.map((each) => this.#cards.get(each) ?? new Card(this, each));
    for (const card of this.#cards.values()) if (!cards.includes(card)) card.close();
    this.#cards = new Map(classes.map((each, place) => [each, cards[place]]));
    const elements = cards.map((card) => card.element);
    // Only what moved is touched, so that nothing loses its focus.
    for (const child of [...this.list.children]) if (!elements.includes(child)) child.remove();
    elements.forEach((element, place) => {
      if (this.list.children[place] !== element) this.list.insertBefore(element, this.list.children[place] ?? null);
    });
    cards.forEach((card, place) => card.refresh(place));
  }

  /** What is pasted goes to the card in use, or the first that is empty. */
  async paste(transfer) {
    const found = await transferred(transfer);
    const card = document.activeElement?.closest(".card");
    const focused = [...this.#cards].find(([, { element }]) => element === card)?.[0];
    await take(this.support, found, () => focused ?? this.#spare());
  }

  /** A class goes, and can come back. */
  remove(gone) {
    const { support } = this;
    const undo = support.change(() => {
      support.classes = support.classes.filter((each) => each !== gone);
    });
    note(t("class.removed", { name: gone.name, n: gone.pictures.length }), undo);
    byId("add").querySelector("button").focus();
  }

  /** One tool at a time: a pad or a camera. */
  closeOthers(open) {
    for (const card of this.#cards.values()) if (card !== open) card.close();
  }

  #spare() {
    const { support } = this;
    const empty = support.classes.find((each) => !each.pictures.length);
    if (!empty) support.classes.push(new Class(support.freeName()));
    return empty ?? support.classes.at(-1);
  }

  #buttons() {
    const picker = (properties, label) => {
      const input = h("input", { type: "file", multiple: true, class: "unseen", tabindex: "-1", "aria-label": label, ...properties });
      input.addEventListener("change", () => take(this.support, chosen(input), () => this.#spare()));
      return input;
    };
    const folder = picker({ webkitdirectory: true, id: "folder" }, t("add.folder.label"));
    const archive = picker({ accept: ARCHIVES, id: "archive" }, t("add.archive.label"));
    return [
      button(t("add.class"), () => this.#add(), { icon: "add", kind: "secondary" }),
      button(t("add.folder"), () => folder.click(), { icon: "folder", label: t("add.folder.label") }),
      button(t("add.archive"), () => archive.click(), { icon: "folder", label: t("add.archive.label") }),
      folder,
      archive,
    ];
  }

  #add() {
    const { support } = this;
    const added = new Class(support.freeName());
    support.change(() => support.classes.push(added));
    this.#cards.get(added).focus();
  }

  #takeDrops(section) {
    takeDrops(section, async (transfer) => take(this.support, await transferred(transfer), () => this.#spare()));
  }
}

/** What falls beside all places for it is not opened in the page's stead. @param {() => void} missed */
export function keepPage(missed) {
  addEventListener("dragover", (event) => [...event.dataTransfer.types].includes("Files") && event.preventDefault());
  addEventListener("drop", (event) => {
    if (event.defaultPrevented || !event.dataTransfer.files.length) return;
    event.preventDefault();
    missed();
  });
}

/** Files can be dropped on an element; the innermost gets them. */
export function takeDrops(element, dropped) {
  const over = (event, is) => {
    if (![...event.dataTransfer.types].includes("Files")) return;
    event.preventDefault();
    event.stopPropagation();
    element.classList.toggle("over", is);
  };
  element.addEventListener("dragover", (event) => over(event, true));
  element.addEventListener("dragleave", (event) => over(event, element.contains(event.relatedTarget)));
  element.addEventListener("drop", (event) => {
    over(event, false);
    dropped(event.dataTransfer);
  });
}
