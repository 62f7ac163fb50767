// Static headers and basic authentication in a form. A stored value is not in the page: a field left empty keeps it, and is not sent.

/** Makes the fields work. `changed` is called when a row comes or goes. */
export function headerFields(form, changed) {
  const list = form.querySelector("[data-headers]");
  const authentication = form.querySelector("[data-authentication]");
  const basic = form.querySelector("[data-basic]");
  const username = form.querySelector("#username");
  const password = form.querySelector("#password");
  const removed = new Set();
  const hadBasic = !basic.hidden;
  let made = 0;

  const rows = () => [...list.querySelectorAll("[data-header]")].map(row => ({
    stored: row.dataset.stored,
    name: row.querySelector("[data-header-name]").value.trim(),
    value: row.querySelector("[data-header-value]").value,
  })).filter(row => row.stored !== undefined || row.name !== "" || row.value !== "");

  function add() {
    const row = form.querySelector("#new-header").content.cloneNode(true).firstElementChild;
    const id = `new-header-${made++}`;
    const [name, value] = row.querySelectorAll("input");
    const labels = row.querySelectorAll("label");
    name.id = labels[0].htmlFor = `${id}-name`;
    value.id = labels[1].htmlFor = `${id}-value`;
    row.querySelector(".fault").id = `${id}-fault`;
    list.append(row);
    name.focus();
  }

  function remove(row) {
    if (row.dataset.stored !== undefined) removed.add(row.dataset.stored);
    row.remove();
    form.querySelector("[data-add-header]").focus();
    changed();
  }

  form.querySelector("[data-add-header]").addEventListener("click", add);
  list.addEventListener("click", event => {
    const button = event.target.closest("[data-remove-header]");
    if (button) remove(button.closest("[data-header]"));
  });
  // The API's errors name a header as it is written.
  list.addEventListener("input", event => {
    if (event.target.matches("[data-header-name]")) event.target.closest("[data-header]").dataset.member = `headers.${event.target.value.trim()}`;
  });
  authentication.addEventListener("change", () => {
    basic.hidden = authentication.value !== "basic";
    if (!basic.hidden) username.focus();
    changed();
  });

  function headersOf() {
    const headers = {};
    for (const name of removed) headers[name] = null;
    for (const row of rows()) {
      if (row.stored !== undefined && row.value === "") continue;
      // Added again in another spelling: one header, not one that goes and one that comes.
      for (const gone of removed) if (gone.toLowerCase() === row.name.toLowerCase()) delete headers[gone];
      headers[row.name] = row.value;
    }
    return Object.keys(headers).length === 0 ? undefined : headers;
  }

  function authOf(isNew) {
    if (authentication.value !== "basic") return hadBasic ? null : undefined;
    if (isNew || !hadBasic) return { username: username.value.trim(), password: password.value };
    const auth = {};
    if (username.value.trim() !== username.defaultValue) auth.username = username.value.trim();
    if (password.value !== "") auth.password = password.value;
    return Object.keys(auth).length === 0 ? undefined : auth;
  }

  return {
    /** Puts into a request what these fields say; what stays as it is stays out. */
    writeTo(body, isNew) {
      const headers = headersOf();
      const auth = authOf(isNew);
      if (headers !== undefined) body.headers = headers;
      if (auth !== undefined) body.basic_auth = auth;
    },
    /** What an object of headers cannot hold, and the API cannot see: a name twice, and none. */
    faults() {
      const faults = {};
      const names = rows().map(row => row.name.toLowerCase());
      for (const row of rows()) {
        if (row.name === "") faults["headers."] = ["Give the header a name."];
        else if (names.filter(name => name === row.name.toLowerCase()).length > 1) faults[`headers.${row.name}`] = ["is given twice."];
      }
      return faults;
    },
  };
}
