// Verifies received webhooks with the public libraries. Standard input: a JSON array of
// {"library": "svix" | "standardwebhooks", "secret", "headers", "body": base64}.
// Standard output: a JSON array with "verified" or the library's error message for each.

import { text } from "node:stream/consumers";
import * as standardwebhooks from "standardwebhooks";
import * as svix from "svix";

const libraries = { standardwebhooks, svix };

function verify({ library, secret, headers, body }) {
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
