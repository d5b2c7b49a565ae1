/** The webcam: a live picture, and squares taken from it. */

import { button, h } from "./dom.js";

const SIDE = 448;
const REASONS = {
  NotAllowedError: "The browser doesn’t let this page use the camera. Allow it in the address bar, then try again.",
  NotFoundError: "No camera was found. Connect one, or add picture files instead.",
  NotReadableError: "The camera is in use by another program. Close that, then try again.",
};
const INSECURE = "Browsers give the camera to pages of localhost or https:// only. Open the page there.";

export class Camera {
  /** @type {MediaStream|null} */
  #stream = null;
  #facing = "environment";

  constructor() {
    this.video = h("video", { class: "camera", muted: true, playsinline: true, autoplay: true });
    this.video.muted = true;
    this.turn = button("Turn", () => this.#turn(), { label: "Use the other camera" });
  }

  get isOn() {
    return this.#stream !== null;
  }

  /** @throws {Error} that says, in words, why there is no picture */
  async start() {
    if (!navigator.mediaDevices) throw new Error(INSECURE);
    const video = { facingMode: this.#facing, width: { ideal: 640 }, height: { ideal: 480 } };
    try {
      this.#stream = await navigator.mediaDevices.getUserMedia({ video });
    } catch (error) {
      throw new Error(REASONS[error.name] ?? `The camera can’t be used: ${error.message}`, { cause: error });
    }
    this.video.srcObject = this.#stream;
    const { facingMode } = this.#stream.getVideoTracks()[0].getSettings();
    this.video.classList.toggle("mirrored", facingMode !== "environment");
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
