// Light and dark.

// As the system is set, until the reader says otherwise.
const theme = document.querySelector("#theme");
const prefersDark = matchMedia("(prefers-color-scheme: dark)");
let chosen = null;
try {
  chosen = localStorage.getItem("theme");
} catch { /* A page from a file may have no storage: the choice then lasts until it is closed. */ }

function show() {
  const dark = chosen ? chosen === "dark" : prefersDark.matches;
  document.documentElement.dataset.theme = dark ? "dark" : "light";
  theme.setAttribute("aria-pressed", String(dark));
}

theme.addEventListener("click", () => {
  chosen = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
  try {
    localStorage.setItem("theme", chosen);
  } catch { /* See above. */ }
  show();
});
prefersDark.addEventListener("change", show);
show();
