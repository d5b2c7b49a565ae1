// A client made from the service's OpenAPI document: it makes a model, asks it, finds it in the list and deletes it.
// node client.js URL SUPPORT_FOLDER

import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";

import createClient from "openapi-fetch";

import type { paths } from "./schema.js";

const [url, folder] = process.argv.slice(2) as [string, string];
const client = createClient<paths>({ baseUrl: url });

// A list is a field sent again and again.
function form(body: object): FormData {
  const data = new FormData();
  for (const [field, value] of Object.entries(body))
    for (const each of [value].flat())
      each instanceof Blob ? data.append(field, each, "image.png") : data.append(field, String(each));
  return data;
}

// What was answered as JSON; a string would be the events of an adaptation.
function known<T>(answer: { data?: T | string; error?: { detail: string } }): T {
  if (answer.data === undefined || typeof answer.data === "string") throw new Error(answer.error?.detail ?? "no JSON");
  return answer.data;
}

const images: Blob[] = [];
const labels: string[] = [];
for (const label of (await readdir(folder)).sort().slice(0, 2))
  for (const name of await readdir(join(folder, label))) {
    images.push(new Blob([await readFile(join(folder, label, name))]));
    labels.push(label);
  }

const model = known(await client.POST("/adapt", { body: { images, labels, steps: 1 }, bodySerializer: form }));
if (model.classes.length !== 2) throw new Error(`adapted to ${model.classes}`);

const asked = { model_id: model.id, images: [images[0]!, new Blob(["not a picture"])], top_k: 1 };
const refused = await client.POST("/predict", { body: asked, bodySerializer: form });
if (refused.error?.type !== "/problems/image-unreadable") throw new Error("a broken image was not refused by its type");
const answer = known(await client.POST("/predict", { body: { ...asked, on_error: "skip" }, bodySerializer: form }));
if (answer.predictions[0]?.label !== labels[0]) throw new Error(`predicted ${answer.predictions[0]?.label}`);
if (answer.errors?.[0]?.index !== 1) throw new Error("the broken image is not named");

const listed = known(await client.GET("/models", { params: { query: { limit: 5 } } }));
if (!listed.models.some((each) => each.id === model.id)) throw new Error("the model is not in the list");

const { response } = await client.DELETE("/models/{model_id}", { params: { path: { model_id: model.id } } });
if (response.status !== 204) throw new Error(`deleting it was answered ${response.status}`);
console.log("adapted, predicted, listed and deleted");
