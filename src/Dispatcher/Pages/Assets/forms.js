// Forms that send the API a JSON body. A form has data-method, data-url and data-then; each input's name is the member's path ("retry.base_seconds").

import { call } from "./api.js";
import { say } from "./says.js";

/** The value of one input; undefined where it says nothing. data-kind: number, list (lines), json, flag, time (of the reader's zone); otherwise text. */
function valueOf(input) {
  const text = input.value.trim();
  switch (input.dataset.kind) {
    case "flag": return input.checked;
    case "time": return text === "" ? undefined : new Date(text).toISOString();
    case "number": return text === "" ? undefined : Number(text);
    case "list": return text.split("\n").map(line => line.trim()).filter(Boolean);
    case "json": return text === "" ? undefined : JSON.parse(text);
    default: return text === "" ? undefined : text;
  }
}

/** The body that a form stands for. `nulls`: members left empty are null, so that a change takes them away. */
export function bodyOf(form, nulls = false) {
  const body = {};
  for (const input of form.elements) {
    if (!input.name || input.disabled || (input.type === "radio" && !input.checked)) continue;
    const value = valueOf(input);
    if (value === undefined && !nulls) continue;
    const path = input.name.split(".");
    const last = path.pop();
    let at = body;
    for (const step of path) at = at[step] ??= {};
    at[last] = value ?? null;
  }
  return body;
}

/** The field that shows what is wrong with a member: its own, or the nearest around it. */
export function fieldOf(form, member) {
  return [...form.querySelectorAll("[data-member]")]
    .filter(f => member === f.dataset.member || member.startsWith(f.dataset.member + ".") || member.startsWith(f.dataset.member + "["))
    .sort((a, b) => b.dataset.member.length - a.dataset.member.length)[0];
}

/** Shows what is wrong, each beside its field; gives what belongs to no field. `focus`: whether to go to the first one. */
export function showErrors(form, errors, focus = true) {
  const [rest, faulty] = [[], new Map()];
  for (const [member, messages] of Object.entries(errors)) {
    const field = fieldOf(form, member);
    if (!field) rest.push(...messages.map(message => `${member} ${message}`));
    else faulty.set(field, [...faulty.get(field) ?? [], ...messages.map(m => member === field.dataset.member ? m : `${member} ${m}`)]);
  }
  unmark(form);
  let first = null;
  for (const field of form.querySelectorAll("[data-member]")) {
    const fault = field.querySelector(".fault");
    const text = faulty.get(field)?.join(" ") ?? "";
    // What stands there already is left alone: it would be read out again.
    if (fault.textContent !== text) fault.textContent = text;
    fault.hidden = text === "";
    if (text === "") continue;
    const input = field.querySelector("input, select, textarea");
    input?.setAttribute("aria-invalid", "true");
    input?.setAttribute("aria-errormessage", fault.id);
    field.closest("details")?.setAttribute("open", "");
    first ??= input;
  }
  if (focus) first?.focus();
  return rest;
}

function unmark(root) {
  for (const input of root.querySelectorAll("[aria-invalid]")) {
    input.removeAttribute("aria-invalid");
    input.removeAttribute("aria-errormessage");
  }
}

export function clearErrors(root) {
  for (const fault of root.querySelectorAll(".fault")) {
    fault.hidden = true;
    fault.textContent = "";
  }
  unmark(root);
}

/** Sends a form's body; gives the answer, or undefined where it was refused and the form says why. */
export async function send(form, body) {
  const buttons = [...form.querySelectorAll("button[type=submit]")];
  for (const button of buttons) button.disabled = true;
  form.setAttribute("aria-busy", "true");
  try {
    const answer = await call(form.dataset.method, form.dataset.url, body);
    clearErrors(form);
    return answer;
  } catch (refusal) {
    if (refusal.errors === undefined) throw refusal;
    const rest = showErrors(form, refusal.errors);
    if (rest.length > 0) say(rest.join("\n"), "bad");
    else if (Object.keys(refusal.errors).length === 0) say(refusal.message, "bad");
    return undefined;
  } finally {
    for (const button of buttons) button.disabled = false;
    form.removeAttribute("aria-busy");
  }
}

// The plain case: what the inputs say is the body, and then a page follows.
document.addEventListener("submit", async event => {
  const form = event.target;
  if (!form.matches("form[data-url]") || form.dataset.own !== undefined) return;
  event.preventDefault();
  const answer = await send(form, bodyOf(form));
  if (answer === undefined) return;
  if (form.dataset.then) location.assign(form.dataset.then.replace("{id}", answer?.id ?? ""));
  else location.reload();
});
