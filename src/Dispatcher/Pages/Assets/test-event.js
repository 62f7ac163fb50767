// The test page: checks the payload as it is written, sends it, and has the page's result kept up to date until it is final.

import { send } from "./forms.js";
import { refresh } from "./live.js";

const form = document.getElementById("test");
const payload = document.getElementById("payload");
const result = document.getElementById("result");
let watched = 0;

/** What is wrong with the payload, in words; null where nothing is. */
function faultOf(text) {
  try {
    const value = JSON.parse(text);
    return value !== null && typeof value === "object" && !Array.isArray(value) ? null : "must be a JSON object, in curly brackets.";
  } catch (error) {
    return `is not JSON: ${error.message}.`;
  }
}

function check() {
  const words = faultOf(payload.value);
  const fault = form.querySelector("[data-member=payload] .fault");
  fault.textContent = words ?? "";
  fault.hidden = words === null;
  payload.toggleAttribute("aria-invalid", false);
  if (words !== null) payload.setAttribute("aria-invalid", "true");
  return words === null;
}

const isOver = () => result.querySelector("[data-over]")?.dataset.over !== "false";
const pause = milliseconds => new Promise(resolve => setTimeout(resolve, milliseconds));

/** Quick at first, when an answer is expected, and less so while retries are waited for. Ends when the result is final or another test is sent. */
async function watch() {
  const mine = ++watched;
  for (let wait = 300; mine === watched; wait = Math.min(wait * 1.3, 5000)) {
    await refresh();
    if (isOver()) return;
    await pause(wait);
  }
}

form?.addEventListener("submit", async event => {
  event.preventDefault();
  if (!check()) return payload.focus();
  // As it stands there: read and written anew, 1.50 would become 1.5.
  const body = new Blob([`{"event":${JSON.stringify(form.dataset.event)},"payload":${payload.value}}`]);
  const delivery = await send(form, body);
  if (delivery === undefined) return;
  history.replaceState(null, "", form.dataset.then.replace("{id}", delivery.id));
  await watch();
});

payload?.addEventListener("input", check);
if (result && !isOver()) watch();
