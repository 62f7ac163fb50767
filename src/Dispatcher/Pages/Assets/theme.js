// Sets the chosen scheme before anything is shown. Without a choice, and where nothing can be kept, the system's holds.

(() => {
  const key = "dispatcher-theme";
  const root = document.documentElement;

  const read = () => {
    try { return localStorage.getItem(key); } catch { return null; }
  };

  const chosen = read();
  if (chosen === "light" || chosen === "dark") root.dataset.theme = chosen;

  document.addEventListener("click", event => {
    if (!event.target.closest("[data-theme-switch]")) return;
    const isDark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = isDark ? "light" : "dark";
    try { localStorage.setItem(key, root.dataset.theme); } catch { /* A frame of another site may keep nothing. */ }
  });
})();
