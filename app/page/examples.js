/** The example sets: pictures as data URLs, of classes to adapt to and new ones to ask about. */

import { pictureOf } from "./api.js";
import { HOME } from "./dom.js";
import { Class, Picture } from "./support.js";

/** @param {"photos"|"drawings"} kind */
export async function example(kind) {
  const response = await fetch(new URL(`page/examples/${kind}.json`, HOME));
  const { classes, queries } = await response.json();
  return {
    classes: Object.entries(classes).map(([name, images]) => new Class(name, pictures(images))),
    queries: pictures(queries),
  };
}

/** @param {{filename: string, image: string}[]} images */
function pictures(images) {
  return images.map(({ filename, image }) => new Picture(pictureOf(image), filename));
}
