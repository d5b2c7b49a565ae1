/** Every request of the page goes through here: it waits for a server that is away or busy, and knows its problems. */

import { serverIsBack, whileBusy } from "./connection.js";
import { HOME } from "./dom.js";
import { events } from "./events.js";
import { askForKey, keyHeaders } from "./key.js";
import { sent } from "./sending.js";
import { named, t, tOr } from "./words.js";

const BUSY = [429, 503];
const PATIENCE_MS = 60000;

/** What the server says is wrong (RFC 9457). */
export class Problem extends Error {
  constructor(body, response) {
    super(tOr(`problem.${body.type?.split("/").at(-1)}`, named({ ...body, detail: body.detail ?? body.title ?? t("server.answered", { n: response.status }) })));
    this.status = response.status;
    this.type = body.type ?? "about:blank";
    this.title = body.title ?? this.message;
    this.field = body.field;
    this.index = body.index;
    this.filename = body.filename;
    this.candidates = body.candidates ?? [];
    this.retryAfter = Number(response.headers.get("Retry-After")) || 2;
  }
}

/** The connection broke off. */
class Unreachable extends Error {}

export const checkpoints = (signal) => json("checkpoints", { signal });
export const models = (cursor, signal) => json(`models?limit=12${cursor ? `&cursor=${cursor}` : ""}`, { signal });
export const model = (id) => json(`models/${id}`);
export const images = (id) => json(`models/${id}/images`);
export const image = (id, index) => blob(`models/${id}/images/${index}`);
export const remove = (id) => call(`models/${id}`, { method: "DELETE" }, async () => {});
export const rename = (id, names) => {
  const headers = { "Content-Type": "application/json" };
  return json(`models/${id}`, { method: "PATCH", headers, body: JSON.stringify(names) });
};
export const exported = (id, format) => blob(`models/${id}/export?format=${format}`);

/** Classifies one picture. */
export function predict(id, picture, classes, signal) {
  const body = form({ model_id: id, top_k: String(classes) }, [picture]);
  return json("predict", { method: "POST", body, signal });
}

/** Says how a model does on an archive of class folders. */
export const evaluate = (id, archive) => json(`models/${id}/evaluate`, { method: "POST", body: form({ archive, unknown_labels: "report" }, []) });

/** Says which of these pictures to label next, and as what. */
export const rank = (id, pictures, signal) => json(`models/${id}/rank`, { method: "POST", body: form({ top_k: "2" }, pictures), signal });

/** Classifies one picture, and says where it shows its label. */
export function evidence(id, picture, signal) {
  return json("predict", { method: "POST", body: form({ model_id: id, evidence: "true" }, [picture]), signal });
}

/** Classifies one text. */
export function predictText(id, text, classes) {
  const body = JSON.stringify({ model_id: id, texts: [text], top_k: classes });
  return json("predict", { method: "POST", headers: { "Content-Type": "application/json" }, body });
}

/** Says what an archive or pictures hold. @param {FormData} body @param {(share: number) => void} [onUpload] */
export const inspect = (body, onUpload) => json("inspect", { method: "POST", body, onUpload });

/** The shares of a model. */
export const shares = (id) => json(`models/${id}/shares`);
export const share = (id, options) => json(`models/${id}/shares`, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(options) });
export const unshare = (id, shareId) => call(`models/${id}/shares/${shareId}`, { method: "DELETE" }, async () => {});

/** Says what a shared model takes: why it can't classify nothing. @returns {Promise<"images"|"texts">} */
export async function taken(id) {
  const missing = await json("predict", { method: "POST", body: form({ model_id: id }, []) }).catch((error) => error);
  const [kind] = /(images|texts)-missing$/.exec(missing.type) ?? [];
  if (!kind) throw missing;
  return /** @type {any} */ (kind.split("-")[0]);
}

/** What a data URL holds; the page's policy lets nothing fetch it. */
export function pictureOf(url) {
  const [head, data] = url.split(",");
  const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
  return new Blob([bytes], { type: head.slice("data:".length, head.indexOf(";")) });
}

/**
 * Adapts, or makes a version of a model; tells of each step while it goes on.
 * @param {string} path "adapt" or "models/{id}/versions"
 * @param {FormData} body
 * @param {(step: {step: number, steps: number, loss: number}) => void} onStep
 * @param {AbortSignal} signal
 * @param {(share: number) => void} onUpload
 */
export function adapt(path, body, onStep, signal, onUpload) {
  const headers = { Accept: "text/event-stream" };
  return call(path, { method: "POST", headers, body, signal, onUpload }, async (response) => {
    for await (const { event, data } of broken(events(response.body))) {
      if (event === "step") onStep(data);
      if (event === "done") return data;
      if (event === "error") throw new Problem(data, { status: data.status, headers: response.headers });
    }
    throw new Unreachable();
  });
}

/**
 * A form of fields, and of pictures with their labels if they have some. A field of null is left out.
 * @param {Record<string, string|string[]|File|null>} fields
 * @param {{blob: Blob, filename: string, label?: string}[]} pictures
 */
export function form(fields, pictures) {
  const data = new FormData();
  for (const [name, value] of Object.entries(fields)) {
    for (const each of value === null ? [] : [value].flat()) data.append(name, each);
  }
  for (const { blob, filename, label } of pictures) {
    data.append("images", blob, filename);
    if (label !== undefined) data.append("labels", label);
  }
  return data;
}

function json(path, options = {}) {
  return call(path, options, (response) => reached(response.json()));
}

function blob(path) {
  return call(path, {}, (response) => reached(response.blob()));
}

/** Asks until there is an answer, or a problem that waiting doesn't solve. */
async function call(path, options, read) {
  const impatient = Date.now() + PATIENCE_MS;
  for (;;) {
    try {
      return await once(path, options, read);
    } catch (error) {
      if (error instanceof Unreachable) await serverIsBack(options.signal);
      else if (error.status === 401 && (await askForKey(error.message))) continue;
      else if (BUSY.includes(error.status) && Date.now() < impatient) await whileBusy(error, options.signal);
      else throw error;
    }
  }
}

async function once(path, { onUpload, ...options }, read) {
  const headers = { ...options.headers, ...keyHeaders() };
  const url = new URL(path, HOME);
  const response = await reached(onUpload ? sent(url, { ...options, headers }, onUpload) : fetch(url, { ...options, headers }));
  if (response.ok) return read(response);
  throw new Problem(await response.json().catch(() => ({})), response);
}

/** Of what the network is awaited for: a TypeError there is a broken connection. */
async function reached(promise) {
  try {
    return await promise;
  } catch (error) {
    throw error instanceof TypeError ? new Unreachable() : error;
  }
}

async function* broken(stream) {
  for (;;) {
    const { done, value } = await reached(stream.next());
    if (done) return;
    yield value;
  }
}
