/** Pictures to select, as in a file manager: by click, shift, ctrl, a rectangle or keys; by touch one after another. */

import { h } from "./dom.js";

const MOVED = 5; // pixels from which a press is a rectangle

export class Sheet {
  /** Selected pictures. @type {Set<any>} */
  selected = new Set();
  #tiles = new Map();
  #anchor = null;

  /**
   * @param {HTMLElement} area where tiles lie, in lists
   * @param {(event: KeyboardEvent) => boolean} pressed takes other keys; says whether it did
   * @param {() => void} changed is told of another selection
   */
  constructor(area, pressed, changed) {
    Object.assign(this, { area, pressed, changed });
    area.addEventListener("click", (event) => this.#clicked(event));
    area.addEventListener("keydown", (event) => this.#key(event));
    area.addEventListener("pointerdown", (event) => this.#lasso(event));
    area.addEventListener("dragstart", (event) => this.#dragged(event));
  }

  /** The tile of a picture; `said` is what there is to say of it. */
  tile(picture, said) {
    const tile = this.#tiles.get(picture) ?? this.#made(picture);
    tile.setAttribute("aria-label", said);
    tile.title = said;
    return tile;
  }

  /** Forgets all but these pictures. */
  keep(pictures) {
    const there = new Set(pictures);
    for (const each of this.#tiles.keys()) if (!there.has(each)) this.#tiles.delete(each);
    this.select([...this.selected].filter((each) => there.has(each)));
    if (!there.has(this.#anchor)) this.#anchor = null;
    const tiles = this.#shown();
    if (tiles.length && !tiles.some((tile) => tile.tabIndex === 0)) tiles[0].tabIndex = 0;
  }

  /** Does something after which tiles may be gone; the focus then goes to what took their place. */
  during(action) {
    const place = this.#shown().indexOf(document.activeElement);
    action();
    const tiles = this.#shown();
    if (place >= 0 && !tiles.includes(document.activeElement)) this.#focus(tiles[Math.min(place, tiles.length - 1)]);
  }

  select(pictures) {
    this.selected = new Set(pictures);
    for (const [picture, tile] of this.#tiles) tile.setAttribute("aria-selected", String(this.selected.has(picture)));
    this.changed();
  }

  #made(picture) {
    const image = h("img", { src: picture.url, alt: "", draggable: "false", loading: "lazy", decoding: "async" });
    const tile = h("li", { role: "option", tabindex: "-1", draggable: "true", "aria-selected": "false" }, image);
    tile.picture = picture;
    this.#tiles.set(picture, tile);
    return tile;
  }

  #shown() {
    return [...this.area.querySelectorAll('[role="option"]')];
  }

  #clicked(event) {
    const tile = event.target.closest('[role="option"]');
    if (!tile) return;
    this.#focus(tile);
    this.#choose(tile.picture, event.shiftKey, event.ctrlKey || event.metaKey || event.pointerType === "touch");
  }

  /** One; with `range` all from the last one on; with `more` beside those that are. */
  #choose(picture, range, more) {
    if (range && this.#anchor) {
      const all = this.#shown().map((tile) => tile.picture);
      const [from, to] = [all.indexOf(this.#anchor), all.indexOf(picture)].sort((one, other) => one - other);
      return this.select([...(more ? this.selected : []), ...all.slice(from, to + 1)]);
    }
    this.#anchor = picture;
    if (!more) return this.select([picture]);
    const left = [...this.selected].filter((each) => each !== picture);
    return this.select(this.selected.has(picture) ? left : [...left, picture]);
  }

  #key(event) {
    const tile = event.target.closest('[role="option"]');
    if (!tile) return;
    const next = this.#towards(tile, event.key);
    if (next) {
      this.#focus(next);
      if (event.shiftKey) this.#choose(next.picture, true, false);
      else this.#anchor = next.picture;
    } else if (event.key === " ") this.#choose(tile.picture, false, true);
    else if (event.key === "a" && (event.ctrlKey || event.metaKey)) this.select([...tile.parentElement.children].map((each) => each.picture));
    else if (event.key === "Escape") this.select([]);
    else {
      if (!this.selected.size) this.#choose(tile.picture, false, false);
      if (!this.pressed(event)) return;
    }
    event.preventDefault();
  }

  /** The tile beside, or the nearest in the row above or below. */
  #towards(tile, key) {
    const tiles = this.#shown();
    const place = tiles.indexOf(tile);
    if (key === "ArrowLeft") return tiles[place - 1];
    if (key === "ArrowRight") return tiles[place + 1];
    if (key !== "ArrowUp" && key !== "ArrowDown") return null;
    const own = tile.getBoundingClientRect();
    const away = (box) => (key === "ArrowDown" ? box.top - own.top : own.top - box.top);
    const boxes = tiles.map((each) => [each, each.getBoundingClientRect()]).filter(([, box]) => away(box) > 1);
    const nearest = ([, one], [, other]) => away(one) - away(other) || Math.abs(one.left - own.left) - Math.abs(other.left - own.left);
    return boxes.sort(nearest)[0]?.[0];
  }

  #focus(tile) {
    for (const each of this.#shown()) each.tabIndex = each === tile ? 0 : -1;
    tile?.focus();
  }

  /** A rectangle that is drawn from where there is no tile. */
  #lasso(start) {
    if (start.button !== 0 || start.target.closest('[role="option"], button, input, a')) return;
    const box = h("div", { class: "lasso" });
    const before = start.shiftKey || start.ctrlKey || start.metaKey ? [...this.selected] : [];
    const [left, top] = [start.pageX, start.pageY];
    const move = (event) => {
      if (!box.isConnected && Math.hypot(event.pageX - left, event.pageY - top) < MOVED) return;
      if (!box.isConnected) document.body.append(box);
      event.preventDefault();
      const sides = { left: Math.min(left, event.pageX), top: Math.min(top, event.pageY), width: Math.abs(event.pageX - left), height: Math.abs(event.pageY - top) };
      for (const [side, value] of Object.entries(sides)) box.style.setProperty(side, `${value}px`);
      const drawn = box.getBoundingClientRect();
      this.select([...before, ...this.#shown().filter((tile) => meet(tile.getBoundingClientRect(), drawn)).map((tile) => tile.picture)]);
    };
    const end = () => {
      if (!box.isConnected) this.select(before);
      box.remove();
      removeEventListener("pointermove", move);
    };
    addEventListener("pointermove", move);
    addEventListener("pointerup", end, { once: true });
  }

  #dragged(event) {
    const tile = event.target.closest?.('[role="option"]');
    if (!tile) return;
    if (!this.selected.has(tile.picture)) this.#choose(tile.picture, false, false);
    event.dataTransfer.effectAllowed = "move";
    event.dataTransfer.setData(Sheet.KIND, String(this.selected.size));
  }

  /** What the data of a drag of tiles are called. */
  static KIND = "application/x-kshot-pictures";
}

function meet(one, other) {
  return one.left < other.right && other.left < one.right && one.top < other.bottom && other.top < one.bottom;
}
