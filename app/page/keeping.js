/** Work that nobody saved, in the browser (IndexedDB): each project, once for each model that it came to. */

const NAME = "kshot";
const MOST = 20; // states; the oldest go
/** @type {Promise<IDBDatabase>|null} */
let opening = null;

/**
 * Keeps a project as it is now.
 * @param {string} project @param {string|null} model
 * @param {{pictures: any[], [name: string]: any}} state its pictures each once; the rest can be cloned
 */
export async function keep(project, model, { pictures, ...rest }) {
  const work = (await database()).transaction(["states", "pictures"], "readwrite");
  const there = new Set(await answer(work.objectStore("pictures").getAllKeys())); // another tab may have let go of some
  const fresh = pictures.filter(({ key }) => !there.has(key));
  for (const picture of fresh) {
    picture.key ??= newId();
    const { blob, original } = picture;
    work.objectStore("pictures").put({ blob, original: original === blob ? null : original }, picture.key);
  }
  const state = { ...rest, project, model, saved: Date.now(), pictures: pictures.map(({ key, filename, index, doubtful }) => ({ key, filename, index, doubtful })) };
  work.objectStore("states").put(state, nameOf(project, model));
  try {
    await done(work);
  } catch (error) {
    for (const picture of fresh) picture.key = null;
    throw error;
  }
}

/** A project as it was kept, its pictures with their contents where these are still there; undefined if it wasn't. */
export async function kept(project, model) {
  const work = (await database()).transaction(["states", "pictures"]);
  const state = await answer(work.objectStore("states").get(nameOf(project, model)));
  if (!state) return undefined;
  const contents = await Promise.all(state.pictures.map(({ key }) => answer(work.objectStore("pictures").get(key))));
  return { ...state, pictures: state.pictures.map((each, place) => ({ ...each, ...contents[place] })) };
}

/** Lets go of a state. */
export async function drop(project, model) {
  const work = (await database()).transaction("states", "readwrite");
  work.objectStore("states").delete(nameOf(project, model));
  await done(work);
}

/** What was kept last, without its pictures. */
export async function latest() {
  const states = await answer((await database()).transaction("states").objectStore("states").getAll());
  return states.sort((one, other) => other.saved - one.saved)[0];
}

/** Lets go of old states, and of pictures that no state has. */
export async function tidy() {
  const work = (await database()).transaction(["states", "pictures"], "readwrite");
  const [states, pictures] = ["states", "pictures"].map((name) => work.objectStore(name));
  const all = (await answer(states.getAll())).sort((one, other) => other.saved - one.saved);
  for (const { project, model } of all.slice(MOST)) states.delete(nameOf(project, model));
  const used = new Set(all.slice(0, MOST).flatMap((each) => each.pictures.map(({ key }) => key)));
  for (const key of await answer(pictures.getAllKeys())) if (!used.has(key)) pictures.delete(key);
  await done(work);
}

/** Whether this tab alone has the project, from now on. Two would each undo what the other keeps. */
export async function claim(project) {
  if (!navigator.locks) return true; // a page that came neither by https nor from this machine
  return new Promise((resolve) => {
    navigator.locks.request(`kshot-${project}`, { ifAvailable: true }, (lock) => {
      resolve(lock !== null);
      return lock ? new Promise(() => {}) : undefined; // held until the tab goes
    });
  });
}

/** A name that nothing else has. */
export function newId() {
  return [...crypto.getRandomValues(new Uint8Array(8))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

function nameOf(project, model) {
  return `${project}/${model ?? ""}`;
}

function database() {
  opening ??= new Promise((resolve, reject) => {
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => ["states", "pictures"].forEach((name) => request.result.createObjectStore(name));
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  return opening;
}

function answer(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

function done(work) {
  return new Promise((resolve, reject) => {
    work.oncomplete = () => resolve(undefined);
    work.onerror = work.onabort = () => reject(work.error);
  });
}
