// The list of deliveries: choosing some of them, and doing something with each.

import { call } from "./api.js";
import { ask, say } from "./says.js";
import { refresh } from "./live.js";

const AT_ONCE = 4;
const bar = document.querySelector("[data-chosen]");
const chosen = new Set();
let isUnderWay = false;

const boxes = () => [...document.querySelectorAll("[data-choose]")];
const words = number => number === 1 ? "1 delivery" : `${number} deliveries`;

/** Shows what is chosen. Only what can be seen is: rows that have left the page are let go. */
function show() {
  const seen = new Set(boxes().map(box => box.dataset.choose));
  for (const id of [...chosen]) if (!seen.has(id)) chosen.delete(id);
  for (const box of boxes()) box.checked = chosen.has(box.dataset.choose);
  const all = document.querySelector("[data-choose-all]");
  if (all) {
    all.checked = chosen.size > 0 && chosen.size === seen.size;
    all.indeterminate = chosen.size > 0 && chosen.size < seen.size;
  }
  if (isUnderWay) return;
  bar.hidden = chosen.size === 0;
  bar.querySelector("p").textContent = chosen.size === 0 ? "" : `${words(chosen.size)} chosen.`;
}

/** Calls the action for each, a few at once; gives how many it was done for, and why not for the others. */
async function each(ids, action, progress) {
  const waiting = [...ids];
  let [done, over] = [0, false];
  const refusals = [];
  const work = async () => {
    while (waiting.length > 0 && !over) {
      const id = waiting.shift();
      try {
        await call("POST", bar.dataset.url.replace("{id}", id).replace("{action}", action));
        done++;
        chosen.delete(id);
      } catch (refusal) {
        refusals.push(refusal.message);
        // What concerns all of them: the session, the rate, the server. The rest stays chosen.
        over = [0, 401, 403, 429].includes(refusal.status) || refusal.status >= 500;
      }
      progress(done + refusals.length);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return { done, refusals, left: waiting.length };
}

async function perform(action) {
  const ids = [...chosen];
  const question = action === "retry"
    ? `Send ${words(ids.length)} again now?`
    : `Give ${words(ids.length)} up? Nothing more of ${ids.length === 1 ? "it" : "them"} is sent.`;
  if (!await ask(question, action === "retry" ? "Send again" : "Give up", action === "cancel")) return;
  const bars = bar.querySelector("progress");
  const buttons = [...bar.querySelectorAll("button")];
  isUnderWay = true;
  for (const button of buttons) button.disabled = true;
  bars.max = ids.length;
  bars.value = 0;
  bars.hidden = false;
  bar.querySelector("p").textContent = `${words(ids.length)} under way.`;
  const { done, refusals, left } = await each(ids, action, count => { bars.value = count; });
  isUnderWay = false;
  bars.hidden = true;
  for (const button of buttons) button.disabled = false;
  if (done > 0) say(`${words(done)} ${action === "retry" ? "sent again" : "given up"}.`);
  if (refusals.length > 0) say(`${words(refusals.length + left)} not. ${[...new Set(refusals)].slice(0, 3).join("\n")}`, "bad");
  await refresh();
  show();
}

if (bar) {
  document.addEventListener("change", event => {
    const { choose, chooseAll } = event.target.dataset ?? {};
    if (choose !== undefined) {
      if (event.target.checked) chosen.add(choose);
      else chosen.delete(choose);
    } else if (chooseAll !== undefined) {
      for (const box of boxes()) {
        if (event.target.checked) chosen.add(box.dataset.choose);
        else chosen.delete(box.dataset.choose);
      }
    } else {
      return;
    }
    show();
  });
  bar.addEventListener("click", event => {
    const act = event.target.closest("[data-act]")?.dataset.act;
    if (act === "none") {
      chosen.clear();
      show();
    } else if (act) {
      perform(act);
    }
  });
  document.addEventListener("refreshed", show);
  // Back in the browser fills boxes in again as they were left.
  addEventListener("pageshow", show);
}
