/** Numbers and times as people say them. */

const UNITS = [
  ["year", 31536000],
  ["month", 2592000],
  ["day", 86400],
  ["hour", 3600],
  ["minute", 60],
];
/** See INVISIBLE in kshot/text.py. */
const UNSEEN = /[\u00ad\u034f\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff]/g;
const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });

/** @param {number} share 0 to 1 */
export function percent(share) {
  return `${(100 * share).toFixed(share > 0.995 && share < 1 ? 1 : 0)} %`;
}

/** "1 picture", "2 pictures" */
export function count(number, noun, plural = `${noun}s`) {
  return `${number} ${number === 1 ? noun : plural}`;
}

/** What is said of a picture that was taken all the same, by its name alone. */
export function warning({ detail, index, filename }) {
  return detail.replace(`images[${index}] (${filename})`, () => filename);
}

/** "3 minutes ago", "in 2 days" */
export function when(time, now = Date.now()) {
  const seconds = (new Date(time).getTime() - now) / 1000;
  const [unit, length] = UNITS.find(([, size]) => Math.abs(seconds) >= Number(size)) ?? ["second", 1];
  if (unit === "second") return seconds > 0 ? "within a minute" : "just now";
  return relative.format(Math.round(seconds / Number(length)), /** @type {any} */ (unit));
}

/** As the server keeps a class's name: NFC, without marks that nobody sees, any blanks as one space. */
export function plain(name) {
  return name.normalize("NFC").replace(UNSEEN, "").replace(/\s+/g, " ").trim();
}

/** "a, b and c" */
export function listed(words) {
  return words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`;
}
