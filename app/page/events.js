/** Server-sent events from the body of a response; EventSource can't POST. */

/**
 * @param {ReadableStream<Uint8Array>} body
 * @returns {AsyncGenerator<{event: string, data: any}>}
 */
export async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      text += value.replaceAll("\r\n", "\n");
      for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
        const event = parsed(text.slice(0, end));
        text = text.slice(end + 2);
        if (event.data) yield { event: event.event, data: JSON.parse(event.data) };
      }
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}

/** The fields of one event; lines without a name are comments. */
function parsed(block) {
  const event = { event: "message", data: "" };
  for (const line of block.split("\n")) {
    const [, name, value] = /^(event|data): ?(.*)$/.exec(line) ?? [];
    if (name === "event") event.event = value;
    if (name === "data") event.data += value;
  }
  return event;
}
