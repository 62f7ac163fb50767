// What every page does: times in the reader's zone, copying, calls of the API behind buttons, charts that say what is under the pointer.

import { call } from "./api.js";
import { ask, say } from "./says.js";
import { refresh } from "./live.js";

const dates = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
const spans = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });

function relative(at, isDue) {
  const seconds = (at - Date.now()) / 1000;
  if (isDue && seconds < 1) return "due";
  for (const [unit, size] of [["day", 86400], ["hour", 3600], ["minute", 60]]) {
    if (Math.abs(seconds) >= size) return spans.format(Math.trunc(seconds / size), unit);
  }
  return spans.format(Math.trunc(seconds), "second");
}

/** Writes the times below an element for the reader; the UTC stays as a hint. */
function localize(root) {
  for (const time of root.querySelectorAll("time[datetime]")) {
    const at = new Date(time.dateTime);
    if (!time.title) time.title = time.textContent;
    const text = "relative" in time.dataset ? relative(at, "due" in time.dataset) : dates.format(at);
    if (time.textContent !== text) time.textContent = text;
  }
}

async function copy(button) {
  try {
    const { copy: text, from } = button.dataset;
    await navigator.clipboard.writeText(from ? document.getElementById(from).textContent : text);
    button.classList.add("copied");
    setTimeout(() => button.classList.remove("copied"), 1500);
    say("Copied.");
  } catch {
    say("The browser did not allow copying. Select the text and copy it by hand.", "bad");
  }
}

/** What can be read on a button; the rest tells those who do not see the page which of many it is. */
const wordsOf = button => [...button.childNodes].filter(node => !node.classList?.contains("unseen")).map(node => node.textContent).join("").trim();

async function perform(button) {
  const { call: method, url, body, confirm, done, then } = button.dataset;
  const isDangerous = button.classList.contains("danger");
  if (confirm && !await ask(confirm, wordsOf(button), isDangerous)) return;
  button.disabled = true;
  try {
    await call(method, url, body ? JSON.parse(body) : undefined);
    if (then) return location.assign(then);
    if (done) say(done);
    if (document.querySelector("[data-live]")) {
      button.blur();
      await refresh();
    } else {
      location.reload();
    }
  } catch (refusal) {
    say(refusal.message, "bad");
  } finally {
    button.disabled = false;
  }
}

function point(event) {
  const hit = event.target.closest?.(".chart .hit");
  for (const tip of document.querySelectorAll(".tip")) tip.remove();
  if (!hit) return;
  const plot = hit.closest(".plot");
  const tip = document.createElement("div");
  tip.className = "tip";
  tip.textContent = `${dates.format(new Date(hit.dataset.at))}\n${hit.dataset.values}`;
  plot.append(tip);
  const [box, frame] = [hit.getBoundingClientRect(), plot.getBoundingClientRect()];
  const middle = box.left + box.width / 2 - frame.left;
  tip.style.left = `${Math.max(0, Math.min(middle - tip.offsetWidth / 2, frame.width - tip.offsetWidth))}px`;
}

document.addEventListener("click", event => {
  const target = event.target.closest("[data-copy], [data-call], [data-open], [data-close]");
  if (!target) return;
  if (target.dataset.close !== undefined) return target.closest("dialog").close();
  if (target.dataset.copy !== undefined) copy(target);
  else if (target.dataset.call) perform(target);
  else document.getElementById(target.dataset.open)?.showModal();
});
document.addEventListener("pointerover", point);
document.addEventListener("refreshed", event => localize(event.target));

// A filter that is chosen is a page's address: lists can be sent to others as they are seen.
document.addEventListener("change", event => {
  if (event.target.closest("form[data-filter]")) event.target.form.requestSubmit();
});
document.addEventListener("submit", event => {
  if (!event.target.matches("form[data-filter]")) return;
  for (const input of event.target.elements) if (input.name && !input.value) input.disabled = true;
});
// Back in the browser shows the page as it was left, with what was disabled for the address.
addEventListener("pageshow", () => {
  for (const input of document.querySelectorAll("form[data-filter] :disabled")) input.disabled = false;
});

localize(document);
setInterval(() => localize(document), 10000);
