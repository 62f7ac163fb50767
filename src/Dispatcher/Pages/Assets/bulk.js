// Bulk actions: counts what matches, asks, and then begins.

import { call } from "./api.js";
import { bodyOf, send, showErrors } from "./forms.js";
import { refresh } from "./live.js";
import { ask, say } from "./says.js";

const form = document.getElementById("bulk");

form.addEventListener("submit", async event => {
  event.preventDefault();
  const body = bodyOf(form);
  body.filter ??= {};
  const url = new URL(form.dataset.count, location.href);
  url.searchParams.set("action", body.action);
  for (const [member, value] of Object.entries(body.filter)) url.searchParams.set(member, value);
  let found;
  try {
    found = await call("GET", url);
  } catch (refusal) {
    const errors = Object.fromEntries(Object.entries(refusal.errors).map(([member, said]) => [member === "action" ? member : `filter.${member}`, said]));
    const rest = showErrors(form, errors);
    if (rest.length > 0 || Object.keys(errors).length === 0) say(rest.join("\n") || refusal.message, "bad");
    return;
  }
  if (found.count === 0 && !found.counting) return say("No delivery matches.", "bad");
  const count = `${found.count.toLocaleString()}${found.counting ? " or more" : ""}`;
  const verb = body.action[0].toUpperCase() + body.action.slice(1);
  if (!await ask(`${verb} ${count} ${found.count === 1 ? "delivery" : "deliveries"}?`, verb, body.action !== "retry")) return;
  if (await send(form, body)) {
    say("It has begun.");
    refresh();
  }
});
