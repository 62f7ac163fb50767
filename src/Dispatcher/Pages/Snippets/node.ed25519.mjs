// Receives webhooks, and verifies each before anything else. Node.js 18 or newer, no packages.
// WEBHOOK_SECRET=whpk_... node webhook.mjs

import { createPublicKey, verify as verifySignature } from "node:crypto";
import { createServer } from "node:http";

const TOLERANCE_SECONDS = 300;
const MAX_BODY_BYTES = 16 * 1024 * 1024;

/** The public key in its text: "whpk_" and base64 of 32 bytes. */
export function keyOf(text) {
  const x = text?.startsWith("whpk_") ? Buffer.from(text.slice(5), "base64") : Buffer.alloc(0);
  if (x.length !== 32) throw new Error("WEBHOOK_SECRET must be the integration's public key: whpk_ and base64.");
  return createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x: x.toString("base64url") }, format: "jwk" });
}

/**
 * Whether the body was signed with the private half of the key, a short while ago.
 * headers: by lower-case name. body: a Buffer, as received, before any parsing.
 */
export function verify(key, headers, body) {
  const { "webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": signatures } = headers;
  if (!id || !signatures || !/^[0-9]{1,12}$/.test(timestamp)) return false;

  // An old request must not be sent to you again by somebody who recorded it.
  if (Math.abs(Math.floor(Date.now() / 1000) - Number(timestamp)) > TOLERANCE_SECONDS) return false;

  const signed = Buffer.concat([Buffer.from(`${id}.${timestamp}.`), body]);

  // One entry for each key that is live: several while a key is being rotated.
  return signatures.split(" ").some((entry) => {
    const [version, signature = ""] = entry.split(",");
    return version === "v1a" && verifySignature(null, signed, key, Buffer.from(signature, "base64"));
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
