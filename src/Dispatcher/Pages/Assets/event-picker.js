// Choosing events: a box stands for a type or a pattern. What a chosen pattern takes is shown as chosen, too, and need not be chosen by itself.

/** Whether a pattern takes another pattern, or a type. The server's EventNames.Matches says the same of types. */
function takes(pattern, other) {
  return pattern === "*" || (pattern.endsWith(".*") && other.length > pattern.length - 1 && other.startsWith(pattern.slice(0, -1)));
}

/** Makes a fieldset with boxes work. `changed` is called when somebody chooses. */
export function eventPicker(root, changed) {
  const boxes = () => [...root.querySelectorAll("[data-pattern]")];
  const chosen = new Set(boxes().filter(box => box.defaultChecked).map(box => box.dataset.pattern));
  const stored = new Set(chosen);
  const search = root.querySelector("#event-search");
  const other = root.querySelector("#event-other");
  const fault = root.querySelector("#event-other-fault");

  const isCovered = pattern => [...chosen].some(one => one !== pattern && takes(one, pattern));

  function show() {
    for (const box of boxes()) {
      const covered = isCovered(box.dataset.pattern);
      box.checked = covered || chosen.has(box.dataset.pattern);
      box.disabled = covered;
    }
    const types = boxes().filter(box => "type" in box.dataset).map(box => box.dataset.pattern);
    const taken = types.filter(type => chosen.has(type) || isCovered(type));
    const some = taken.slice(0, 6).join(", ") + (taken.length > 6 ? ", …" : "");
    root.querySelector("[data-matches]").textContent = chosen.size === 0
      ? "No event is chosen yet."
      : `Takes ${taken.length} of the ${types.length} events of the catalogue${some ? `: ${some}` : ""}.`;
  }

  function filter() {
    const words = search.value.trim().toLowerCase().split(/\s+/).filter(Boolean);
    const has = element => words.every(word => element.textContent.toLowerCase().includes(word));
    let any = false;
    for (const group of root.querySelectorAll(".group")) {
      const all = group.querySelector(".all");
      let inGroup = false;
      for (const item of group.querySelectorAll("li")) inGroup = !(item.hidden = !has(item)) || inGroup;
      if (all) inGroup = !(all.hidden = !inGroup && !has(all)) || inGroup;
      any = !(group.hidden = !inGroup) || any;
    }
    root.querySelector("[data-none]").hidden = any || words.length === 0;
  }

  function say(text) {
    fault.textContent = text;
    fault.hidden = text === "";
    if (text) other.setAttribute("aria-invalid", "true");
    else other.removeAttribute("aria-invalid");
  }

  /** Takes over what is typed; gives whether there is nothing left to correct. */
  function add() {
    const pattern = other.value.trim();
    if (pattern === "") return true;
    const isName = new RegExp(other.dataset.form).test(pattern.endsWith(".*") ? pattern.slice(0, -2) : pattern);
    if (pattern !== "*" && !isName) {
      say("Words of letters, digits, “_” and “-”, joined by dots; with “.*” at the end for all that begin so.");
      return false;
    }
    if (!boxes().some(box => box.dataset.pattern === pattern)) {
      const item = root.querySelector("#other-pattern").content.cloneNode(true);
      item.querySelector("input").dataset.pattern = pattern;
      item.querySelector("code").textContent = pattern;
      root.querySelector(".others").append(item);
    }
    chosen.add(pattern);
    other.value = "";
    say("");
    show();
    changed();
    return true;
  }

  root.addEventListener("change", event => {
    const pattern = event.target.dataset.pattern;
    if (pattern === undefined) return;
    if (event.target.checked) chosen.add(pattern);
    else chosen.delete(pattern);
    show();
    changed();
  });
  search.addEventListener("input", filter);
  other.addEventListener("input", () => say(""));
  root.querySelector("[data-add-pattern]").addEventListener("click", () => { if (add()) other.focus(); });
  // Enter belongs to these two fields here, and not to the form.
  search.addEventListener("keydown", event => { if (event.key === "Enter") event.preventDefault(); });
  other.addEventListener("keydown", event => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    add();
  });
  show();

  return {
    add,
    /** What is chosen, without what other patterns take anyway. */
    patterns: () => [...chosen].filter(pattern => !isCovered(pattern)),
    isChanged: () => chosen.size !== stored.size || [...chosen].some(pattern => !stored.has(pattern)),
  };
}
