/** A class as a card: its name, its pictures, and ways to add some. */

import { takeDrops } from "./cards.js";
import { button, h, show } from "./dom.js";
import { ARCHIVES, chosen, PICTURES, take, transferred } from "./intake.js";
import { note, say } from "./notices.js";
import { Picture } from "./support.js";
import { CameraTool, PadTool } from "./tools.js";
import { t } from "./words.js";

const HUES = 8;

export class Card {
  #tiles = new Map();
  #tool = null;

  constructor(cards, ofClass) {
    this.cards = cards;
    this.class = ofClass;
    this.name = h("input", { class: "name", "aria-label": t("card.name"), maxlength: 100, autocomplete: "off" });
    this.name.addEventListener("change", () => cards.rename(ofClass, this.name.value));
    this.name.addEventListener("keydown", (event) => event.key === "Enter" && this.name.blur());
    this.amount = h("span", { class: "amount" });
    this.error = h("p", { class: "error", role: "alert" });
    this.pictures = h("ul", { class: "pictures" });
    this.workplace = h("div", { class: "workplace" });
    this.empty = h("p", { class: "place quiet-text" }, t("card.empty"));
    this.element = this.#layout();
    takeDrops(this.element, async (transfer) => this.#take(await transferred(transfer)));
  }

  /** Shows what there is now. @param {number} place among the cards */
  refresh(place) {
    const { name, pictures, error } = this.class;
    this.element.dataset.hue = String(place % HUES);
    this.element.setAttribute("aria-label", name);
    if (document.activeElement !== this.name) this.name.value = name;
    this.amount.textContent = t(pictures.length ? "pictures" : "pictures.none", { n: pictures.length });
    show(this.empty, !pictures.length);
    this.error.textContent = error;
    this.#refreshTiles(pictures, name);
    if (!pictures.length && !this.#tool && this.cards.drawsFirst) this.#open(this.#pad());
  }

  focus() {
    this.name.focus();
    this.name.select();
  }

  /** Puts its pad or camera away. */
  close() {
    this.#tool?.close();
    this.#tool = null;
    this.workplace.replaceChildren();
  }

  #layout() {
    const files = h("input", { type: "file", multiple: true, accept: `${PICTURES},${ARCHIVES}`, class: "unseen", tabindex: "-1" });
    files.setAttribute("aria-label", t("card.files"));
    files.addEventListener("change", () => this.#take(chosen(files)));
    const remove = button("", () => this.cards.remove(this.class), { icon: "trash", label: t("card.remove") });
    return h(
      "article",
      { class: "card", role: "group" },
      h("header", {}, this.name, this.amount, remove),
      this.error,
      h(
        "div",
        { class: "row ways" },
        button(t("card.pictures"), () => files.click(), { icon: "picture", label: t("card.pictures.add") }),
        button(t("draw"), () => this.#toggle("draw"), { icon: "draw", label: t("draw") }),
        button(t("camera"), () => this.#toggle("camera"), { icon: "camera", label: t("camera") }),
        files,
      ),
      this.workplace, // above the pictures: what is added must not push its buttons away
      this.pictures,
      this.empty,
    );
  }

  #refreshTiles(pictures, name) {
    const tiles = pictures.map((each) => this.#tiles.get(each) ?? this.#tile(each));
    this.#tiles = new Map(pictures.map((each, place) => [each, tiles[place]]));
    if (tiles.some((tile, place) => this.pictures.children[place] !== tile.element) || this.pictures.children.length > tiles.length)
      this.pictures.replaceChildren(...tiles.map((tile) => tile.element));
    pictures.forEach((each, place) => tiles[place].refresh(t("picture.named", { name, n: place + 1, file: each.filename })));
  }

  #tile(shown) {
    const image = h("img", { src: shown.url, alt: "", width: 72, height: 72, decoding: "async" });
    const error = h("p", { class: "error", role: "alert" });
    const rank = h("span", { class: "rank" });
    const remove = button("", () => this.#remove(shown), { icon: "close", kind: "remove" });
    const element = h("li", {}, image, rank, remove, error);
    image.addEventListener("error", () => element.classList.add("broken"));
    const refresh = (alt) => {
      image.alt = alt;
      if (image.src !== shown.url) image.src = shown.url;
      remove.setAttribute("aria-label", t("picture.remove", { name: alt }));
      error.textContent = shown.error;
      rank.textContent = shown.doubtful ? t("picture.check") : "";
      rank.title = t("picture.doubtful");
      element.classList.toggle("new", shown.index === null);
      element.classList.toggle("faulty", shown.error !== "");
    };
    return { element, refresh };
  }

  #remove(gone) {
    const place = this.class.pictures.indexOf(gone);
    const undo = this.cards.support.change(() => this.class.pictures.splice(place, 1));
    note(t("picture.removed", { name: this.class.name }), undo);
    const next = this.pictures.querySelectorAll(".remove")[Math.min(place, this.class.pictures.length - 1)];
    (next ?? this.element.querySelector(".ways button")).focus();
  }

  #toggle(kind) {
    const same = this.#tool?.kind === kind;
    this.close();
    if (same) return;
    this.cards.closeOthers(this);
    this.#open(kind === "draw" ? this.#pad() : new CameraTool((blob) => this.#add(blob, "camera.jpg")));
  }

  #pad() {
    return new PadTool(this.class.name, (blob) => this.#add(blob, "drawing.png"));
  }

  #open(tool) {
    this.#tool = tool;
    this.workplace.append(tool.element);
    show(this.workplace, true);
  }

  #add(blob, filename) {
    this.cards.support.change(() => this.class.pictures.push(new Picture(blob, filename, null, blob)));
    say(t("picture.added", { name: this.class.name, n: this.class.pictures.length }));
  }

  #take(found) {
    return take(this.cards.support, found, () => this.class);
  }
}
