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
  const was = now.innerHTML;
  // What has come to its end on the server is not asked for any more.
  if (now.dataset.live === undefined) delete part.dataset.live;
  if (part.dataset.was === was) return;
  morph(part, now);
  part.dataset.was = was;
  part.dispatchEvent(new CustomEvent("refreshed", { bubbles: true }));
}

/**
 * Makes an element's content that of another. What is there already stays the same node, by its id or by its place: what has the focus
 * keeps it, what was opened or scrolled stays so. What has data-keep never changes, and is left as the reader has it.
 */
function morph(old, now) {
  const ids = new Set([...now.children].map(child => child.id).filter(Boolean));
  const byId = new Map([...old.children].filter(child => child.id).map(child => [child.id, child]));
  let at = old.firstChild;
  for (const wanted of [...now.childNodes]) {
    const same = wanted.id ? byId.get(wanted.id) : isLike(at, wanted) ? at : null;
    if (!same || same.nodeName !== wanted.nodeName) {
      old.insertBefore(document.importNode(wanted, true), at);
      continue;
    }
    while (at !== same && !ids.has(at?.id)) at = drop(at);
    if (at === same) at = at.nextSibling;
    else old.insertBefore(same, at);
    if (!same.isEqualNode(wanted)) update(same, wanted);
  }
  while (at) at = drop(at);
}

const isLike = (node, wanted) => node && !node.id && node.nodeType === wanted.nodeType && node.nodeName === wanted.nodeName;

function drop(node) {
  const next = node.nextSibling;
  node.remove();
  return next;
}

function update(node, wanted) {
  if (node.nodeType !== Node.ELEMENT_NODE) {
    if (node.data !== wanted.data) node.data = wanted.data;
    return;
  }
  if (node.dataset.keep !== undefined) return;
  for (const { name, value } of [...wanted.attributes]) if (name !== "open" && node.getAttribute(name) !== value) node.setAttribute(name, value);
  for (const { name } of [...node.attributes]) if (name !== "open" && !wanted.hasAttribute(name)) node.removeAttribute(name);
  morph(node, wanted);
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
