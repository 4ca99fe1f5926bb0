// Runs before the first paint, so that a chosen theme does not flash. The choice is made by <theme-toggle>.
(function () {
  try {
    const chosen = localStorage.getItem("burnish-theme");
    if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
  } catch {
    // Storage may be forbidden; the system's choice holds then.
  }
})();
