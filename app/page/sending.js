/** A request whose upload tells how far it is: fetch can't. */

const NEWLINE = /[\r\n]+/;

/**
 * @param {URL} url @param {{method: string, headers: Record<string, string>, body: FormData, signal?: AbortSignal}} options
 * @param {(share: number) => void} told of how much is sent, 0 to 1
 * @returns {Promise<Response>} as soon as its head is there; a TypeError for a broken connection, as of fetch
 */
export function sent(url, { method, headers, body, signal }, told) {
  signal?.throwIfAborted();
  const request = new XMLHttpRequest();
  const encoder = new TextEncoder();
  return new Promise((resolve, reject) => {
    let read = 0;
    /** @type {ReadableStreamDefaultController} */
    let controller;
    const content = new ReadableStream({ start: (made) => (controller = made), cancel: () => request.abort() });
    const pass = () => {
      const text = request.responseText.slice(read);
      read += text.length;
      if (text) controller.enqueue(encoder.encode(text));
    };
    const fail = (error) => {
      reject(error);
      controller.error(error);
    };
    request.upload.onprogress = ({ loaded, total }) => told(loaded / total);
    request.onreadystatechange = () => {
      if (request.readyState === XMLHttpRequest.HEADERS_RECEIVED && request.status) resolve(new Response(content, { status: request.status, headers: headersOf(request) }));
    };
    request.onprogress = pass;
    request.onload = () => {
      pass();
      controller.close();
    };
    request.onerror = () => fail(new TypeError("the connection broke off"));
    signal?.addEventListener("abort", () => {
      fail(signal.reason);
      request.abort();
    });
    request.open(method, url);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.send(body);
  });
}

function headersOf(request) {
  const lines = request.getAllResponseHeaders().trim().split(NEWLINE);
  return lines.map((line) => line.split(": ", 2)).filter(([name, value]) => name && value !== undefined);
}
