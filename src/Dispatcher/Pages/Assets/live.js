// Keeps parts of a page as they are on the server. A part has an id and data-live="seconds"; the page is asked for again, and what changed is put in.

import { say } from "./says.js";

const parts = () => [...document.querySelectorAll("[data-live]")];
let isUnderWay = false;

/** Puts the page's live parts in anew, now. */
export async function refresh() {
  if (isUnderWay || parts().length === 0) return;
  isUnderWay = true;
  try {
    const answer = await fetch(location.href, { credentials: "same-origin", headers: { accept: "text/html" } });
    if (!answer.ok || answer.redirected) return stop(answer);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const part of parts()) replace(part, page.getElementById(part.id));
    document.body.classList.remove("stale");
  } catch {
    // The server is away for a moment: what is shown is old, and says so.
    document.body.classList.add("stale");
  } finally {
    isUnderWay = false;
  }
}

function replace(part, now) {
  if (!now) return;
  const changed = part.dataset.was === undefined ? true : part.dataset.was !== now.innerHTML;
  const was = now.innerHTML;
  // Not under the reader's hands: what holds the focus, or a selection, stays until it is let go.
  const selection = document.getSelection();
  const isHeld = part.contains(document.activeElement) || (selection && !selection.isCollapsed && part.contains(selection.anchorNode));
  if (!changed || isHeld) return;
  const open = new Set([...part.querySelectorAll("details[open][id]")].map(details => details.id));
  part.replaceChildren(...document.importNode(now, true).childNodes);
  for (const id of open) part.querySelector(`#${CSS.escape(id)}`)?.setAttribute("open", "");
  part.dataset.was = was;
  part.dispatchEvent(new CustomEvent("refreshed", { bubbles: true }));
}

function stop(answer) {
  if (answer.status === 429 || answer.status >= 500) return document.body.classList.add("stale");
  clearInterval(timer);
  say("Your session has ended. Load the page again to go on.", "bad");
}

const seconds = Math.min(...parts().map(part => Number(part.dataset.live) || 0).filter(every => every > 0));
const timer = Number.isFinite(seconds)
  ? setInterval(() => { if (document.visibilityState === "visible") refresh(); }, seconds * 1000)
  : 0;
