// Short messages at the page's edge, and questions before something is done.

/** Shows a message for some seconds; one of the tone "bad" stays until it is closed. */
export function say(text, tone = "good") {
  const box = document.querySelector(".toasts");
  const toast = document.createElement("div");
  toast.className = `toast ${tone}`;
  const words = document.createElement("p");
  words.textContent = text;
  const close = document.createElement("button");
  close.type = "button";
  close.className = "quiet small";
  close.textContent = "Close";
  close.addEventListener("click", () => toast.remove());
  toast.append(words, close);
  box.append(toast);
  if (tone !== "bad") setTimeout(() => toast.remove(), 6000);
}

/** Asks a question; gives whether the answer was yes. */
export function ask(question, yes = "Continue", isDangerous = false) {
  const dialog = document.createElement("dialog");
  dialog.className = "ask";
  dialog.setAttribute("aria-label", question);
  const words = document.createElement("p");
  words.textContent = question;
  const form = document.createElement("form");
  form.method = "dialog";
  const no = document.createElement("button");
  no.textContent = "Cancel";
  no.value = "no";
  const go = document.createElement("button");
  go.textContent = yes;
  go.value = "yes";
  go.className = isDangerous ? "danger" : "primary";
  form.append(no, go);
  dialog.append(words, form);
  document.body.append(dialog);
  dialog.showModal();
  return new Promise(resolve => dialog.addEventListener("close", () => {
    dialog.remove();
    resolve(dialog.returnValue === "yes");
  }));
}
