/** Elements made by hand: text is always text, never markup. */

/** The server's address: where the page of a shared model lies is deeper. */
export const HOME = new URL(document.documentElement.dataset.home ?? "./", document.baseURI);
const SVG = "http://www.w3.org/2000/svg";

/** What the icons are drawn with, on 24 × 24. */
const ICONS = {
  add: "M12 5v14M5 12h14",
  camera: "M4 8h3l2-3h6l2 3h3v11H4zM12 16.5a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7z",
  close: "M6 6l12 12M18 6L6 18",
  copy: "M9 9h11v11H9zM5 15H4V4h11v1",
  download: "M12 4v11M7 11l5 5 5-5M5 20h14",
  draw: "M4 20l1-5L16 4l4 4L9 19zM14 6l4 4",
  folder: "M3 6h6l2 3h10v10H3z",
  picture: "M4 5h16v14H4zM4 16l5-5 4 4 3-3 4 4M15.5 9.5h.01",
  trash: "M5 7h14M9 7V4h6v3M7 7l1 13h8l1-13",
  open: "M4 20V5h6l2 3h8v12zM12 17v-6M9 13l3-3 3 3",
  share: "M7 14a2.5 2.5 0 1 0 0-4 2.5 2.5 0 0 0 0 4zM17 8a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5zM17 21a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5zM9.3 11l5.4-3.4M9.3 13.2l5.4 3.6",
  undo: "M9 14L4 9l5-5M4 9h10a6 6 0 0 1 0 12h-3",
};

/**
 * An element. Properties that begin with "on" listen; those that are null, undefined or false are left out.
 * @param {string} tag
 * @param {Record<string, any>} [properties]
 * @param {...(Node|string|null)} children
 * @returns {any} the element
 */
export function h(tag, properties = {}, ...children) {
  return furnish(document.createElement(tag), properties, children);
}

/** The same for SVG. */
export function svg(tag, properties = {}, ...children) {
  return furnish(document.createElementNS(SVG, tag), properties, children);
}

/** @param {keyof typeof ICONS} name */
export function icon(name) {
  const shape = svg("path", { d: ICONS[name] });
  return svg("svg", { class: "icon", viewBox: "0 0 24 24", "aria-hidden": "true" }, shape);
}

/** A button; `label` names it where its text isn't enough. */
export function button(text, onclick, { icon: picture = null, label = null, kind = "quiet", ...rest } = {}) {
  const parts = [picture && icon(picture), text && h("span", {}, text)];
  const properties = { type: "button", class: kind, "aria-label": label, title: text ? null : label, onclick, ...rest };
  return h("button", properties, ...parts);
}

/** @param {string} id */
export function byId(id) {
  return /** @type {any} */ (document.getElementById(id));
}

/** A child appears or goes. */
export function show(element, visible) {
  element.hidden = !visible;
}

function furnish(element, properties, children) {
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}
