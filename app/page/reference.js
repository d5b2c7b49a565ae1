/** The API reference, from openapi.json: each call with an example, its fields and answers; errors once; the shapes of what goes over the wire. */

import { byId, h } from "./dom.js";

const PREFIX = "#/components/schemas/";
const FAILED = 400;
/** What a call is tried with, after its path. */
const EXAMPLES = {
  "post /adapt": "-F labels=hat -F images=@hat.jpg -F labels=shoes -F images=@shoes.jpg",
  "post /predict": "-F model_id=$ID -F images=@new.jpg",
  "post /inspect": "-F archive=@pictures.zip",
  "patch /models/{model_id}": `-H 'Content-Type: application/json' -d '{"name": "clothes"}'`,
  "post /models/{model_id}/versions": "-F labels=hat -F images=@another.jpg -F remove=0",
  "post /models/{model_id}/evaluate": "-F archive=@test.zip",
  "post /models/{model_id}/rank": "-F archive=@unlabelled.zip",
  "get /models/{model_id}/export": "-o model.onnx",
  "get /models/{model_id}/images/{index}": "-o picture.webp",
  "post /models/{model_id}/shares": `-H 'Content-Type: application/json' -d '{"ttl_seconds": 86400}'`,
};
const VALUES = { model_id: "$ID", index: "0", share_id: "$SHARE" };

start();

async function start() {
  try {
    const document_ = await (await fetch(new URL("openapi.json", document.baseURI))).json();
    const calls = Object.entries(document_.paths).flatMap(([path, methods]) => Object.entries(methods).map(([method, call]) => ({ method, path, ...call })));
    byId("calls").append(...calls.map(article));
    byId("errors").append(table(errors(calls)));
    byId("shapes").append(...Object.entries(document_.components.schemas).map(shape));
    byId("contents").append(...contents(calls));
  } catch (error) {
    byId("calls").append(h("p", { class: "error", role: "alert" }, `The description can’t be loaded: ${error.message}`));
  }
  byId("folded").open = matchMedia("(min-width: 62rem)").matches;
  addEventListener("hashchange", shown);
  shown();
}

/** What the address names; a shape unfolds. */
function shown() {
  const place = byId(decodeURIComponent(location.hash.slice(1)));
  if (place?.tagName === "DETAILS") place.open = true;
  place?.scrollIntoView();
}

function contents(calls) {
  const tags = [...new Set(calls.map(({ tags: [tag] }) => tag))];
  const link = (call) => h("li", {}, h("a", { href: `#${idOf(call)}` }, h("b", {}, call.method.toUpperCase()), ` ${call.path}`));
  return tags.flatMap((tag) => [h("h2", {}, tag), h("ul", {}, ...calls.filter(({ tags: [own] }) => own === tag).map(link))]);
}

function article(call) {
  const failures = Object.keys(call.responses).filter((status) => Number(status) >= FAILED).sort();
  const answers = Object.entries(call.responses).filter(([status]) => Number(status) < FAILED);
  const may = failures.length ? [h("p", { class: "quiet-text" }, `Or ${failures.join(", ")}: see `, h("a", { href: "#errors" }, "Errors"), ".")] : [];
  return h(
    "article",
    { class: "call", id: idOf(call), "aria-label": `${call.method} ${call.path}` },
    h("h2", {}, h("code", {}, h("b", {}, call.method.toUpperCase()), ` ${call.path}`)),
    h("p", {}, h("strong", {}, call.summary ?? "")),
    ...prose(call.description),
    h("pre", { tabindex: "0", "aria-label": `Example of ${call.method} ${call.path}` }, h("code", {}, example(call))),
    ...parameters(call),
    h("h3", {}, "Answers"),
    table(answers.map(answer)),
    ...may,
  );
}

/** A line for a shell. */
function example({ method, path }) {
  const verb = ["get", "post"].includes(method) ? [] : [`-X ${method.toUpperCase()}`];
  const rest = EXAMPLES[`${method} ${path}`];
  const url = new URL("./", document.baseURI).href.replace(/\/$/, "") + path.replace(/\{(\w+)\}/g, (_, name) => VALUES[name]);
  return ["curl", ...(method === "post" && !rest ? ["-X POST"] : verb), url, ...(rest ? [rest] : [])].join(" ");
}

/** What can go wrong, each status once. */
function errors(calls) {
  const said = new Map();
  for (const [status, { description }] of calls.flatMap(({ responses }) => Object.entries(responses))) if (Number(status) >= FAILED && !said.has(status)) said.set(status, description);
  return [...said].sort().map(([status, description]) => [status, ["application/problem+json ", h("a", { href: "#Problem" }, "Problem")], description]);
}

function idOf({ method, path }) {
  return `${method}${path.replace(/[^a-z]+/g, "-")}`;
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
  const sent = Object.entries({ ...body?.content, ...body?.["x-also-taken"] }).map(([type, { schema }]) => ["body", [`${type}: `, ...kind(schema)], ""]);
  return rows.length + sent.length ? [h("h3", {}, "Request"), table([...rows, ...sent])] : [];
}

function answer([status, { description, content = {} }]) {
  const kinds = Object.entries(content).flatMap(([type, { schema = {} }], place) => [`${place ? ", " : ""}${type} `, ...kind(schema)]);
  return [status, kinds, description];
}

/** Folded up: there are many, and a link unfolds the one that it leads to. */
function shape([name, schema]) {
  const required = new Set(schema.required);
  const rows = Object.entries(schema.properties ?? {}).map(([field, about]) => [
    required.has(field) ? `${field} *` : field,
    kind(about),
    about.description,
  ]);
  return h("details", { class: "call", id: name }, h("summary", {}, name), ...prose(schema.description), table(rows));
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
