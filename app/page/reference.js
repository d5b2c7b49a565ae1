/** The API reference, from openapi.json: each call with its fields and answers, and the shapes of what goes over the wire. */

import { byId, h } from "./dom.js";

const PREFIX = "#/components/schemas/";

start();

async function start() {
  try {
    const document_ = await (await fetch(new URL("openapi.json", document.baseURI))).json();
    byId("calls").append(...Object.entries(document_.paths).flatMap(([path, methods]) => calls(path, methods)));
    byId("shapes").append(...Object.entries(document_.components.schemas).map(shape));
  } catch (error) {
    byId("calls").append(h("p", { class: "error", role: "alert" }, `The description can’t be loaded: ${error.message}`));
  }
  document.getElementById(location.hash.slice(1))?.scrollIntoView();
}

function calls(path, methods) {
  return Object.entries(methods).map(([method, call]) =>
    h(
      "article",
      { class: "call", "aria-label": `${method} ${path}` },
      h("h2", {}, h("code", {}, h("b", {}, method.toUpperCase()), ` ${path}`)),
      h("p", {}, h("strong", {}, call.summary ?? "")),
      ...prose(call.description),
      ...parameters(call),
      h("h3", {}, "Answers"),
      table(Object.entries(call.responses).map(answer)),
    ),
  );
}

/** Paragraphs; what stands between backticks is code. */
function prose(text) {
  return (text ?? "").split("\n\n").map((paragraph) => h("p", {}, ...marked(paragraph)));
}

function marked(text) {
  return text.split("`").map((part, place) => (place % 2 ? h("code", {}, part) : part));
}

function parameters({ parameters: fields = [], requestBody: body }) {
  const rows = fields.map(({ name, in: where, description, schema }) => [name, [`${where}, `, ...kind(schema)], description]);
  const sent = Object.entries(body?.content ?? {}).map(([type, { schema }]) => ["body", [`${type}: `, ...kind(schema)], ""]);
  return rows.length + sent.length ? [h("h3", {}, "Request"), table([...rows, ...sent])] : [];
}

function answer([status, { description, content = {} }]) {
  const kinds = Object.entries(content).flatMap(([type, { schema = {} }]) => [`${type} `, ...kind(schema)]);
  return [status, kinds, description];
}

function shape([name, schema]) {
  const required = new Set(schema.required);
  const rows = Object.entries(schema.properties ?? {}).map(([field, about]) => [
    required.has(field) ? `${field} *` : field,
    kind(about),
    about.description,
  ]);
  return h("article", { class: "call", id: name }, h("h3", {}, name), ...prose(schema.description), table(rows));
}

/** What a value is, with links to the shapes. @returns {(string|Element)[]} */
function kind(schema) {
  if (schema.$ref) {
    const name = schema.$ref.slice(PREFIX.length);
    return [h("a", { href: `#${name}` }, name)];
  }
  if (schema.anyOf) return schema.anyOf.flatMap((each, place) => [...(place ? [" or "] : []), ...kind(each)]);
  if (schema.enum) return [schema.enum.join(" or ")];
  if (schema.type === "array") return ["list of ", ...kind(schema.items ?? {})];
  return [schema.contentMediaType || schema.format === "binary" ? "file" : schema.type ?? ""];
}

function table(rows) {
  const cells = ([name, what, about]) =>
    h("tr", {}, h("th", { scope: "row" }, h("code", {}, name)), h("td", {}, ...what), h("td", {}, ...marked(about ?? "")));
  return h("div", { class: "scroll", tabindex: "0" }, h("table", {}, h("tbody", {}, ...rows.map(cells))));
}
