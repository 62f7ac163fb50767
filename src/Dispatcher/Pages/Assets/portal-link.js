// Makes a link into the portal, and shows it.

import { call } from "./api.js";
import { say } from "./says.js";

document.addEventListener("click", async event => {
  const button = event.target.closest("[data-portal-link]");
  if (!button) return;
  button.disabled = true;
  try {
    const { link } = await call("POST", button.dataset.portalLink, {});
    const address = document.getElementById("portal-link-address");
    address.textContent = link;
    address.href = link;
    document.getElementById("portal-link-copy").dataset.copy = link;
    document.getElementById("portal-link").showModal();
  } catch (refusal) {
    say(refusal.message, "bad");
  } finally {
    button.disabled = false;
  }
});
