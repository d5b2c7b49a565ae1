/** The webcam: a live picture, and squares taken from it. */

import { button, h, show } from "./dom.js";
import { t, tOr } from "./words.js";

const SIDE = 448;

export class Camera {
  /** @type {MediaStream|null} */
  #stream = null;
  #facing = "environment";

  constructor() {
    this.video = h("video", { class: "camera", muted: true, playsinline: true, autoplay: true });
    this.video.muted = true;
    this.turn = button(t("camera.turn"), () => this.#turn(), { hidden: true });
  }

  get isOn() {
    return this.#stream !== null;
  }

  /** @throws {Error} that says, in words, why there is no picture */
  async start() {
    if (!navigator.mediaDevices) throw new Error(t("camera.insecure"));
    const video = { facingMode: this.#facing, width: { ideal: 640 }, height: { ideal: 480 } };
    try {
      this.#stream = await navigator.mediaDevices.getUserMedia({ video });
    } catch (error) {
      throw new Error(tOr(`camera.${error.name}`, t("camera.failed", { why: error.message })), { cause: error });
    }
    this.video.srcObject = this.#stream;
    const { facingMode } = this.#stream.getVideoTracks()[0].getSettings();
    this.video.classList.toggle("mirrored", facingMode !== "environment");
    const cameras = (await navigator.mediaDevices.enumerateDevices()).filter(({ kind }) => kind === "videoinput");
    show(this.turn, cameras.length > 1);
    await this.video.play();
  }

  stop() {
    for (const track of this.#stream?.getTracks() ?? []) track.stop();
    this.#stream = null;
    this.video.srcObject = null;
  }

  /** The middle of what it sees, square. @returns {Promise<Blob>} a JPEG */
  async picture() {
    const { videoWidth: width, videoHeight: height } = this.video;
    const side = Math.min(width, height);
    const canvas = new OffscreenCanvas(SIDE, SIDE);
    const from = [(width - side) / 2, (height - side) / 2, side, side];
    canvas.getContext("2d").drawImage(this.video, ...from, 0, 0, SIDE, SIDE);
    return canvas.convertToBlob({ type: "image/jpeg", quality: 0.92 });
  }

  async #turn() {
    this.#facing = this.#facing === "user" ? "environment" : "user";
    this.stop();
    await this.start();
  }
}
