// The page of recoveries and replays: asks before one is started, and sends the reader's times with their zone.

import { send } from "./forms.js";
import { refresh } from "./live.js";
import { ask, say } from "./says.js";

const dates = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

/** A time as such an input takes it, in the reader's zone. */
function localText(at) {
  const two = number => String(number).padStart(2, "0");
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}T${two(at.getHours())}:${two(at.getMinutes())}`;
}

const timeOf = input => input.value ? new Date(input.value) : undefined;

for (const form of document.querySelectorAll("form[data-span]")) {
  const { since, until } = form.elements;
  // What went wrong since yesterday is what people come here for.
  if (!since.value) since.value = localText(new Date(Date.now() - 24 * 3600 * 1000));

  form.addEventListener("submit", async event => {
    event.preventDefault();
    const [from, to] = [timeOf(since), timeOf(until)];
    const span = `since ${dates.format(from)}${to ? ` and until ${dates.format(to)}` : ""}`;
    const isReplay = form.dataset.span === "replay";
    const question = isReplay
      ? `Deliver every matching event accepted ${span} that this integration never got?`
      : `Send again every delivery that failed for good, of events accepted ${span}?`;
    if (!await ask(question, isReplay ? "Replay" : "Recover")) return;
    const task = await send(form, { since: from.toISOString(), until: to?.toISOString() });
    if (task === undefined) return;
    say(task.count === 0 && !task.counting ? "There is nothing to send in this span." : `${task.count}${task.counting ? " or more" : ""} to be sent. See the progress below.`);
    document.activeElement?.blur();
    await refresh();
  });
}
