// Payloads and bodies: formatted, or as they are.

document.addEventListener("click", event => {
  const chosen = event.target.closest("[data-show]");
  if (!chosen) return;
  for (const button of chosen.parentElement.querySelectorAll("[data-show]")) {
    const isShown = button === chosen;
    button.setAttribute("aria-pressed", isShown);
    document.getElementById(button.dataset.show).hidden = !isShown;
  }
});
