// The page of secrets: fetches them when they are asked for, forgets them when they are hidden, and rotates.

import { call } from "./api.js";
import { bodyOf, send } from "./forms.js";
import { refresh } from "./live.js";
import { ask, say } from "./says.js";

const reveal = document.getElementById("reveal");
const place = document.getElementById("secrets");
const template = document.getElementById("secret-template");
const rotate = document.getElementById("rotate");
const showWords = reveal?.textContent;

function entry(words, time, secret) {
  const part = template.content.cloneNode(true);
  const at = document.createElement("time");
  at.dateTime = time;
  at.textContent = time;
  part.querySelector(".detail").append(words, " ", at);
  part.querySelector("code").textContent = secret;
  part.querySelector("[data-copy]").dataset.copy = secret;
  return part;
}

function show(view) {
  place.replaceChildren(
    entry("The current one, since", view.created_at, view.secret),
    ...view.expiring.map(old => entry("An older one, until", old.expires_at, old.secret)));
  place.hidden = false;
  reveal.setAttribute("aria-expanded", "true");
  reveal.textContent = "Hide";
  // Has the page write the times for the reader.
  place.dispatchEvent(new CustomEvent("refreshed", { bubbles: true }));
}

function hide() {
  place.replaceChildren();
  place.hidden = true;
  reveal.setAttribute("aria-expanded", "false");
  reveal.textContent = showWords;
}

reveal?.addEventListener("click", async () => {
  if (!place.hidden) return hide();
  reveal.disabled = true;
  try {
    show(await call("GET", reveal.dataset.url));
  } catch (refusal) {
    say(refusal.message, "bad");
  } finally {
    reveal.disabled = false;
  }
});

rotate?.addEventListener("submit", async event => {
  event.preventDefault();
  const body = bodyOf(rotate);
  const noun = rotate.dataset.noun;
  const question = body.grace_seconds === 0
    ? `The old ${noun} ends now. An endpoint that does not know the new one yet refuses what it gets, and it is tried again later. Rotate?`
    : `Give your endpoint the new ${noun} before the old one ends. Rotate?`;
  if (!await ask(question, "Rotate", body.grace_seconds === 0)) return;
  const view = await send(rotate, body);
  if (view === undefined) return;
  rotate.reset();
  show(view);
  say(`There is a new ${noun}. Copy it to your endpoint.`);
  await refresh();
});

// Kept in no copy of the page that the browser shows again later.
addEventListener("pagehide", () => { if (reveal) hide(); });
