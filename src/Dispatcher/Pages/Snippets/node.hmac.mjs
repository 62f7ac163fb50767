// Receives webhooks, and verifies each before anything else. Node.js 18 or newer, no packages.
// WEBHOOK_SECRET=whsec_... node webhook.mjs

import { createHmac, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";

const TOLERANCE_SECONDS = 300;
const MAX_BODY_BYTES = 16 * 1024 * 1024;

/** The key in a secret: "whsec_" and base64. */
export function keyOf(secret) {
  const key = secret?.startsWith("whsec_") ? Buffer.from(secret.slice(6), "base64") : Buffer.alloc(0);
  if (key.length < 24) throw new Error("WEBHOOK_SECRET must be the integration's secret: whsec_ and base64.");
  return key;
}

/**
 * Whether the body was signed with the key, a short while ago.
 * headers: by lower-case name. body: a Buffer, as received, before any parsing.
 */
export function verify(key, headers, body) {
  const { "webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": signatures } = headers;
  if (!id || !signatures || !/^[0-9]{1,12}$/.test(timestamp)) return false;

  // An old request must not be sent to you again by somebody who recorded it.
  if (Math.abs(Math.floor(Date.now() / 1000) - Number(timestamp)) > TOLERANCE_SECONDS) return false;

  const hmac = createHmac("sha256", key).update(`${id}.${timestamp}.`).update(body);
  const expected = Buffer.from(`v1,${hmac.digest("base64")}`);

  // One entry for each secret that is live: several while a secret is being rotated.
  return signatures.split(" ").some((entry) => {
    const given = Buffer.from(entry);
    return given.length === expected.length && timingSafeEqual(given, expected);
  });
}

async function read(request) {
  const chunks = [];
  let length = 0;
  for await (const chunk of request) {
    length += chunk.length;
    if (length > MAX_BODY_BYTES) throw new Error("The body is too large.");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

const key = keyOf(process.env.WEBHOOK_SECRET);

// In Express: app.post("/hook", express.raw({ type: "*/*" }), ...), and request.body is the body.
const server = createServer(async (request, response) => {
  try {
    const body = await read(request);
    if (!verify(key, request.headers, body)) {
      response.writeHead(401).end();
      return;
    }

    // Genuine. The same webhook-id can come again: do nothing for one that you have had.
    // Put the event into a queue of your own, answer 2xx at once, and do the work afterwards.
    console.log("Received", request.headers["webhook-id"]);
    response.writeHead(204).end();
  } catch (error) {
    console.error(error.message);
    response.destroy();
  }
});

server.listen(Number(process.env.PORT ?? 9000), "127.0.0.1", () => {
  console.log(`Listening on http://127.0.0.1:${server.address().port}/hook`);
});
