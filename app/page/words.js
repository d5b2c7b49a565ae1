/** The page's words, in the language that the server chose, and numbers and times as people say them. */

const UNITS = [
  ["year", 31536000],
  ["month", 2592000],
  ["day", 86400],
  ["hour", 3600],
  ["minute", 60],
];
/** See INVISIBLE in kshot/text.py. */
const UNSEEN = /[\u00ad\u034f\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff]/g;
const YEAR_S = 31536000;

export const language = document.documentElement.lang;
const words = await (await fetch(new URL(`languages/${language}.json`, import.meta.url))).json();
const plurals = new Intl.PluralRules(language);
const relative = new Intl.RelativeTimeFormat(language, { numeric: "auto" });
const lists = new Intl.ListFormat(language === "en" ? "en-GB" : language);

/** The words of a key, with values in their places; of several forms the one that goes with `values.n`. */
export function t(key, values = {}) {
  const found = words[key];
  const text = typeof found === "string" ? found : found[plurals.select(values.n)] ?? found.other;
  return text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

/** The words of a key, or others if it has none. */
export function tOr(key, others) {
  return key in words ? t(key) : others;
}

/** Reads the page in another language from now on. */
export function speak(chosen) {
  document.cookie = `kshot-language=${chosen}; path=/; max-age=${YEAR_S}; samesite=lax`;
  location.reload();
}

/** @param {number} share 0 to 1; nearly all is never said to be all */
export function percent(share) {
  if (share >= 0.995) return t("percent.most");
  return t("percent", { n: Math.round(100 * share) });
}

/** The same of what was counted. */
export function counted(share) {
  return t("percent", { n: Math.round(100 * share) });
}

/** What is said of a picture that was taken all the same, or was not, by its name alone. */
export function named({ detail, index, filename }) {
  return detail.replace(`images[${index}] (${filename})`, () => filename).replace(`images[${index}]`, () => filename ?? t("picture.that"));
}

/** "3 minutes ago", "in 2 days" */
export function when(time, now = Date.now()) {
  const seconds = (new Date(time).getTime() - now) / 1000;
  const [unit, length] = UNITS.find(([, size]) => Math.abs(seconds) >= Number(size)) ?? ["second", 1];
  if (unit === "second") return t(seconds > 0 ? "time.soon" : "time.now");
  return relative.format(Math.round(seconds / Number(length)), /** @type {any} */ (unit));
}

/** As the server keeps a class's name: NFC, without marks that nobody sees, any blanks as one space. */
export function plain(name) {
  return name.normalize("NFC").replace(UNSEEN, "").replace(/\s+/g, " ").trim();
}

/** "a, b and c" */
export function listed(parts) {
  return lists.format(parts);
}
