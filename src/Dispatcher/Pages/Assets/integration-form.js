// The form of an integration: tells what is wrong while one fills it in, and sends the API what it needs. A new one is sent whole; of an
// existing one only what was changed, so that nobody's other change is undone, and nothing that is secret has to be in the page.

import { call } from "./api.js";
import { bodyOf, fieldOf, send, showErrors } from "./forms.js";
import { eventPicker } from "./event-picker.js";
import { headerFields } from "./header-fields.js";

const form = document.querySelector("form.integration");
const isNew = form.dataset.method === "POST";
const metadata = form.querySelector("#metadata");
const touched = new Set();
let wasSent = false;
let checks = 0;
let timer = 0;

const picker = eventPicker(form.querySelector("#events"), () => touch(form.querySelector("#events")));
const headers = headerFields(form, () => later());

/** Whether an input holds something else than when the page came. */
function isChanged(input) {
  if (input.type === "checkbox") return input.checked !== input.defaultChecked;
  if (input instanceof HTMLSelectElement) return [...input.options].some(option => option.selected !== option.defaultSelected);
  return input.value.trim() !== input.defaultValue.trim();
}

/** What distinguishes two JSON values, as a merge patch (RFC 7396); undefined: nothing. */
function patchOf(before, now) {
  const isObject = value => typeof value === "object" && value !== null && !Array.isArray(value);
  if (!isObject(before) || !isObject(now)) return JSON.stringify(before) === JSON.stringify(now) ? undefined : now;
  const patch = {};
  for (const name of Object.keys(before)) if (!Object.hasOwn(now, name)) patch[name] = null;
  for (const name of Object.keys(now)) {
    const change = Object.hasOwn(before, name) ? patchOf(before[name], now[name]) : now[name];
    if (change !== undefined) patch[name] = change;
  }
  return Object.keys(patch).length === 0 ? undefined : patch;
}

/** Whether a patch would take something away that the text has: null stands for that. */
function losesNull(patch, now) {
  if (typeof patch !== "object" || patch === null || Array.isArray(patch)) return false;
  return Object.keys(patch).some(name => patch[name] === null ? Object.hasOwn(now, name) : losesNull(patch[name], now[name]));
}

function writeMetadata(body, faults) {
  const before = metadata.defaultValue.trim() || "{}";
  const text = metadata.value.trim() || "{}";
  if (text === before) return;
  let now;
  try {
    now = JSON.parse(text);
  } catch (error) {
    faults.metadata = [`This is not JSON: ${error.message}.`];
    return;
  }
  const value = isNew ? now : patchOf(JSON.parse(before), now);
  if (!isNew && losesNull(value, now)) faults.metadata = ["A member cannot become null here. Leave it out instead."];
  else if (value !== undefined) body.metadata = value;
}

/** The request that the form stands for, and what is wrong with it already. */
function read() {
  const body = bodyOf(form, !isNew);
  const faults = headers.faults();
  for (const input of form.elements) {
    if (input.validity?.badInput) faults[input.name] = ["must be a number."];
    if (isNew || !input.name || isChanged(input)) continue;
    const [member, inner] = input.name.split(".");
    if (inner) delete body[member][inner];
    else delete body[member];
  }
  if (body.retry && Object.keys(body.retry).length === 0) delete body.retry;
  if (isNew) body.type = "webhook";
  if (isNew || picker.isChanged()) body.events = picker.patterns();
  headers.writeTo(body, isNew);
  writeMetadata(body, faults);
  return { body, faults };
}

function later() {
  clearTimeout(timer);
  timer = setTimeout(check, 350);
}

function touch(element) {
  const field = element.closest("[data-member]");
  if (!field) return;
  touched.add(field);
  later();
}

/** Shows what the API would say, of the fields that one has been to. */
async function check() {
  const turn = ++checks;
  const { body, faults } = read();
  const errors = { ...await refusalsOf(body), ...faults };
  if (turn !== checks) return;
  const known = Object.entries(errors).filter(([member]) => wasSent || touched.has(fieldOf(form, member)));
  showErrors(form, Object.fromEntries(known), false);
}

async function refusalsOf(body) {
  try {
    await call(form.dataset.method, form.dataset.check, body, { once: false });
    return {};
  } catch (refusal) {
    // Out of reach, or too often: the answer to sending it will say so.
    return refusal.errors ?? {};
  }
}

function showSecret(made) {
  const dialog = document.getElementById("new-secret");
  dialog.querySelector("[data-secret]").textContent = made.secret;
  dialog.querySelector("[data-copy]").dataset.copy = made.secret;
  const hasPublicKey = made.signing === "ed25519";
  dialog.querySelector("[data-hmac]").hidden = hasPublicKey;
  dialog.querySelector("[data-ed25519]").hidden = !hasPublicKey;
  for (const link of dialog.querySelectorAll("[data-page]")) link.href = link.dataset.page.replace("{id}", made.id);
  const page = form.dataset.then.replace("{id}", made.id);
  // Closed by a key: it is made, and must not be made again.
  dialog.addEventListener("close", () => location.assign(page));
  dialog.showModal();
}

form.addEventListener("focusout", event => touch(event.target));
form.addEventListener("change", event => touch(event.target));
form.addEventListener("input", event => { if (touched.has(event.target.closest("[data-member]"))) later(); });

form.addEventListener("submit", async event => {
  event.preventDefault();
  if (!picker.add()) return form.querySelector("#event-other").focus();
  clearTimeout(timer);
  checks++;
  wasSent = true;
  const { body, faults } = read();
  if (Object.keys(faults).length > 0) {
    // With what the API finds: one look at the form, and all is said.
    showErrors(form, { ...await refusalsOf(body), ...faults });
    return;
  }
  const answer = await send(form, body);
  if (answer === undefined) return;
  if (isNew) showSecret(answer);
  else location.assign(form.dataset.then.replace("{id}", answer.id));
});
