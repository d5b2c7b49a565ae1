/** The support set: classes of pictures as the page shows them, and what of it a model already knows. */

import { plain, t } from "./words.js";

export class Picture {
  /** Its place among the model's images; null: the model hasn't seen it. @type {number|null} */
  index = null;
  /** What is wrong with it, in words. */
  error = "";
  /** Whether it looks like another class's. */
  doubtful = false;
  /** What the browser keeps it as. @type {string|null} */
  key = null;

  /**
   * @param {Blob} blob @param {string} filename
   * @param {{upload: any, index: number}|null} source what it was prepared from, and its place there
   * @param {Blob|null} original the file as it was added, if it is at hand
   */
  constructor(blob, filename, source = null, original = null) {
    this.blob = blob;
    this.original = original;
    this.filename = filename;
    this.source = source;
    this.url = URL.createObjectURL(blob);
  }

  /** Takes the looks of another, made from the same file. */
  look({ blob, url }) {
    Object.assign(this, { blob, url, key: null });
  }
}

export class Class {
  /** What the model calls it; null: the model doesn't have it. @type {string|null} */
  label = null;
  error = "";

  /** @param {string} name @param {Picture[]} pictures */
  constructor(name, pictures = []) {
    this.name = plain(name);
    this.pictures = pictures;
  }
}

/** Tells of an "edit" to come, of a "change" of anything, of another "model", and of a "renamed" one. */
export class Support extends EventTarget {
  /** @type {Class[]} */
  classes = [];
  checkpoint = "";
  /** Resolved when all pictures are prepared for the checkpoint. */
  ready = Promise.resolve();
  /** The answer of /adapt for the model that is shown. @type {any} */
  model = null;
  /** How many images the model was made of. */
  size = 0;

  /** All pictures, in the order in which they are sent. */
  get pictures() {
    return this.classes.flatMap((each) => each.pictures.map((picture) => ({ picture, class: each })));
  }

  /** Changes it by `edit`; gives what undoes that. */
  change(edit) {
    this.dispatchEvent(new Event("edit"));
    const before = this.#snapshot();
    edit();
    this.changed();
    return () => this.#restore(before);
  }

  changed() {
    this.dispatchEvent(new Event("change"));
  }

  /** The class of this name, made if there is none; an empty unnamed one is taken for it. */
  named(name) {
    const found = this.classes.find((each) => each.name === plain(name));
    if (found) return found;
    const made = new Class(name);
    const spare = this.classes.findIndex((each) => !each.pictures.length && isUnnamed(each));
    if (spare < 0) this.classes.push(made);
    else this.classes[spare] = made;
    return made;
  }

  /** A name that no class has. */
  freeName() {
    const names = new Set(this.classes.map((each) => each.name));
    let number = this.classes.length + 1;
    while (names.has(t("class.name", { n: number }))) number += 1;
    return t("class.name", { n: number });
  }

  /** What the model has and the page doesn't, and the other way round. */
  differences() {
    const there = new Set(this.pictures.map(({ picture }) => picture.index));
    const removed = Array.from({ length: this.size }, (_, index) => index).filter((index) => !there.has(index));
    return { removed, added: this.pictures.filter(({ picture }) => picture.index === null) };
  }

  /** The model is made of `pictures`, in this order. */
  adopt(model, pictures) {
    const doubtful = new Set(doubted(model).map(({ index }) => index));
    for (const { picture } of this.pictures) Object.assign(picture, { index: null, doubtful: false, error: "" });
    pictures.forEach((picture, index) => Object.assign(picture, { index, doubtful: doubtful.has(index) }));
    for (const each of this.classes) each.label = model.classes.includes(each.name) ? each.name : null;
    this.size = pictures.length;
    this.#show(model);
  }

  /** Another model of the same images: renamed ones. */
  renamed(model) {
    this.model = model;
    this.dispatchEvent(new Event("renamed"));
    this.changed();
  }

  /** Other classes, that no model knows yet; gives what undoes that. */
  replace(classes, checkpoint) {
    const undo = this.change(() => {
      Object.assign(this, { classes, checkpoint, size: 0, model: null });
      for (const each of classes) each.label = null;
      for (const { picture } of this.pictures) Object.assign(picture, { index: null, doubtful: false });
    });
    this.#show(null);
    return undo;
  }

  /** Classes as they were kept, and the model of `size` images that knows those of their pictures with a place. */
  restore({ classes, checkpoint, model, size }) {
    this.dispatchEvent(new Event("edit"));
    Object.assign(this, { classes, checkpoint, size });
    this.#show(model);
  }

  #show(model) {
    this.model = model;
    this.dispatchEvent(new Event("model"));
    this.changed();
  }

  #snapshot() {
    const { checkpoint, model, size } = this;
    const pictures = (each) => each.pictures.map((picture) => [picture, { ...picture }]);
    const classes = this.classes.map((each) => [each, { ...each }, pictures(each)]);
    return { checkpoint, model, size, classes };
  }

  #restore({ checkpoint, model, size, classes }) {
    for (const [each, was, pictures] of classes) {
      Object.assign(each, was, { pictures: pictures.map(([picture]) => picture) });
      for (const [picture, before] of pictures) Object.assign(picture, before);
    }
    Object.assign(this, { checkpoint, size, classes: classes.map(([each]) => each) });
    if (this.model === model) this.changed();
    else this.#show(model);
  }
}

function isUnnamed({ name }) {
  const [number] = /\d+/.exec(name) ?? [];
  return number !== undefined && name === t("class.name", { n: number });
}

/** Pictures that heads made without them hold for another class's: in the wrong place, or poor. */
export function doubted(model) {
  return model.validation?.doubtful ?? [];
}
