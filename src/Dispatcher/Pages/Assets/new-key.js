// Makes a key, and shows it this once.

import { bodyOf, send } from "./forms.js";

const form = document.getElementById("new-key-form");

form.addEventListener("submit", async event => {
  event.preventDefault();
  const made = await send(form, bodyOf(form));
  if (!made) return;
  form.closest("dialog").close();
  document.getElementById("made-key-text").textContent = made.key;
  document.getElementById("made-key-copy").dataset.copy = made.key;
  document.getElementById("made-key").showModal();
});

document.getElementById("made-key-close").addEventListener("click", () => location.reload());
