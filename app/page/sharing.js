/** Share a model: a link that may ask it about pictures and do nothing else; those that were made, and taking them back. */

import * as api from "./api.js";
import { copier } from "./copying.js";
import { button, h, HOME, show } from "./dom.js";
import { note } from "./notices.js";
import { t, when } from "./words.js";

const DAY_S = 86400;
const DAYS = [1, 7, 30, 365];

export class Sharing {
  /** @param {string} id of the model */
  constructor(id) {
    this.id = id;
    this.list = h("ul", { class: "shares" });
    this.days = h("select", { id: "share-days" }, ...DAYS.map((n) => h("option", { value: n, selected: n === 7 }, t("share.days", { n }))));
    this.made = h("div", { class: "made", role: "status", hidden: true });
    const make = button(t("share.make"), () => this.#make(), { kind: "primary" });
    this.form = h("div", { class: "row" }, h("label", { for: "share-days" }, t("share.for")), this.days, make);
  }

  /** What the panel shows. @returns {Promise<Element[]>} */
  async opened() {
    await this.#refresh();
    return [h("p", { class: "quiet-text" }, t("share.about")), this.form, this.made, this.list];
  }

  async #make() {
    try {
      const { link } = await api.share(this.id, { ttl_seconds: Number(this.days.value) * DAY_S });
      const url = new URL(link, HOME).href;
      const address = h("input", { readonly: true, value: url, "aria-label": t("share.link"), onfocus: () => address.select() });
      const away = h("a", { href: url, target: "_blank", rel: "noopener" }, t("share.open"));
      const local = ["localhost", "127.0.0.1", "[::1]"].includes(HOME.hostname);
      const warned = local ? h("p", { class: "quiet-text" }, t("share.local")) : HOME.protocol === "http:" ? h("p", { class: "quiet-text" }, t("camera.insecure")) : null;
      this.made.replaceChildren(address, h("div", { class: "row" }, copier(t("copy"), () => url, null, "secondary"), away), ...[warned].filter(Boolean));
      show(this.made, true);
      await this.#refresh();
    } catch (error) {
      note(t("share.failed", { why: error.message }));
    }
  }

  async #refresh() {
    try {
      const { shares } = await api.shares(this.id);
      this.list.replaceChildren(...shares.map((share) => this.#row(share)));
    } catch (error) {
      note(t("share.failed", { why: error.message }));
    }
  }

  #row({ id, name, created_at: made, expires_at: expires }) {
    const about = t("share.until", { made: when(made), expires: when(expires) });
    const revoke = async () => {
      try {
        await api.unshare(this.id, id);
        show(this.made, false);
      } catch (error) {
        if (error.status !== 404) return note(t("share.failed", { why: error.message }));
      }
      await this.#refresh();
    };
    return h("li", {}, h("span", {}, name ? `${name}: ${about}` : about), button(t("share.revoke"), revoke, { label: t("share.revoke.label", { about }) }));
  }
}
