// Verifies received webhooks with the public libraries. Standard input: a JSON array of
// {"library": "svix" | "standardwebhooks" | "node:crypto", "secret", "headers", "body": base64}.
// Standard output: a JSON array with "verified" or the library's error message for each.

import { createPublicKey, verify as verifySignature } from "node:crypto";
import { text } from "node:stream/consumers";
import * as standardwebhooks from "standardwebhooks";
import * as svix from "svix";

const libraries = { standardwebhooks, svix };

// For public keys: the libraries verify with shared secrets only.
function verifyWithPublicKey(publicKey, headers, body) {
  const x = Buffer.from(publicKey.replace(/^whpk_/, ""), "base64").toString("base64url");
  const key = createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x }, format: "jwk" });
  const { "webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": signatures = "" } = headers;
  if (!(Math.abs(Date.now() / 1000 - Number(timestamp)) <= 300)) return false;
  const signed = Buffer.concat([Buffer.from(`${id}.${timestamp}.`), body]);
  return signatures.split(" ").some((entry) => {
    const [version, signature] = entry.split(",");
    return version === "v1a" && verifySignature(null, signed, key, Buffer.from(signature ?? "", "base64"));
  });
}

function verify({ library, secret, headers, body }) {
  if (library === "node:crypto") return verifyWithPublicKey(secret, headers, Buffer.from(body, "base64")) ? "verified" : "No matching signature found";
  const webhook = new libraries[library].Webhook(secret);
  try {
    webhook.verify(Buffer.from(body, "base64").toString("utf8"), headers);
    return "verified";
  } catch (error) {
    if (!(error instanceof libraries[library].WebhookVerificationError)) throw error;
    return error.message;
  }
}

const webhooks = JSON.parse(await text(process.stdin));
process.stdout.write(JSON.stringify(webhooks.map(verify)));
