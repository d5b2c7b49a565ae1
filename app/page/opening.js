/** A saved model with its pictures, as far as they were kept. */

import * as api from "./api.js";
import { Class, Picture } from "./support.js";

const AT_ONCE = 6;

/** @param {any} model */
export async function opened(model) {
  const { id } = model;
  const classes = model.classes.map((name) => new Class(name));
  if (!model.images_kept) return { model, classes, pictures: [] };
  const { images } = await api.images(id);
  const pictures = await fetched(id, images);
  images.forEach(({ label }, place) => classes[model.classes.indexOf(label)].pictures.push(pictures[place]));
  return { model, classes, pictures };
}

/** A few at a time: a model may have a thousand. */
async function fetched(id, images) {
  const pictures = new Array(images.length);
  const waiting = images.keys();
  const work = async () => {
    for (const place of waiting) {
      const { index, filename } = images[place];
      pictures[place] = new Picture(await api.image(id, index), filename);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return pictures;
}
