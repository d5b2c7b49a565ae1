/** The page of a shared model: asks it about pictures, or texts, by the token behind the # of the address. */

import * as api from "./api.js";
import { Bars } from "./bars.js";
import { keepPage, takeDrops } from "./cards.js";
import { byId, h, show } from "./dom.js";
import { smaller, transferred } from "./intake.js";
import { sendToken } from "./key.js";
import { named, t } from "./words.js";
import { Ways } from "./ways.js";

const SHOWN = 10;
const PAUSE_MS = 300;
const [id] = location.pathname.split("/").slice(-1);
const bars = new Bars(null);
const error = h("p", { class: "error", role: "alert" });
/** Of all that were seen: each bar keeps its place. */
const labels = [];
/** @type {AbortController|null} */
let asking = null;

start();

async function start() {
  sendToken(location.hash.slice(1));
  addEventListener("hashchange", () => location.reload());
  try {
    const kind = await api.taken(id);
    if (kind === "texts") askTexts();
    else askPictures();
    byId("trying").append(error, bars.element);
  } catch (problem) {
    byId("refused").textContent = problem.message;
  }
}

function askPictures() {
  const picture = h("img", { class: "query", alt: t("evidence.picture"), hidden: true });
  const files = (found) => take(found, picture);
  const ways = new Ways({
    files,
    seen: (seen) => (seen ? ask((signal) => api.predict(id, seen, SHOWN, signal)) : clear()),
    failed: fail,
    changed: (way) => {
      clear();
      show(picture, way === "file" && picture.hasAttribute("src"));
    },
  });
  byId("trying").append(ways.element, picture);
  takeDrops(document.body, async (transfer) => {
    ways.choose("file");
    await files(await transferred(transfer));
  });
  document.addEventListener("paste", async (event) => event.clipboardData.files.length && files(await transferred(event.clipboardData)));
  keepPage(() => {});
  ways.choose("file");
}

function askTexts() {
  let timer = 0;
  const soon = () => {
    clearTimeout(timer);
    const text = query.value.trim();
    timer = setTimeout(() => (text ? ask(() => api.predictText(id, text, SHOWN)) : clear()), PAUSE_MS);
  };
  const query = h("textarea", { id: "query", rows: 4, maxlength: 2000, oninput: soon });
  byId("trying").append(h("label", { for: "query" }, t("texts.new")), query);
}

/** Asks about one picture after another; the last stays. */
async function take(found, picture) {
  for (const { file, path } of found.filter((each) => each.file)) {
    const blob = await smaller(file);
    picture.src = URL.createObjectURL(blob);
    show(picture, true);
    await ask((signal) => api.predict(id, { blob, filename: path.split("/").at(-1) }, SHOWN, signal));
  }
}

async function ask(send) {
  asking?.abort();
  const now = (asking = new AbortController());
  error.textContent = "";
  try {
    const { predictions, warnings } = await send(now.signal);
    if (now.signal.aborted) return;
    const [prediction] = predictions;
    for (const { label } of prediction.top) if (!labels.includes(label)) labels.push(label);
    bars.show(prediction, { classes: labels.map((name) => ({ name })) });
    if (warnings?.length) error.textContent = warnings.map(named).join(" ");
  } catch (problem) {
    if (problem.name !== "AbortError") fail(problem);
  }
}

function clear() {
  asking?.abort();
  error.textContent = "";
  bars.clear();
}

function fail(problem) {
  bars.clear();
  error.textContent = problem.message;
}
