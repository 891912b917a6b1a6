"use strict";
const root = document.documentElement;
const stored = {
  get() { try { return localStorage.getItem("switchyard-theme"); } catch { return null; } },
  set(theme) { try { localStorage.setItem("switchyard-theme", theme); } catch { /* the browser does not store anything */ } },
};

const themes = document.getElementById("theme");
const dark = window.matchMedia("(prefers-color-scheme: dark)");
function isDark() {
  return root.dataset.theme ? root.dataset.theme === "dark" : dark.matches;
}
function name() {
  themes.textContent = isDark() ? "Light colors" : "Dark colors";
}
if (["light", "dark"].includes(stored.get())) root.dataset.theme = stored.get();
themes.addEventListener("click", () => {
  root.dataset.theme = isDark() ? "light" : "dark";
  stored.set(root.dataset.theme);
  name();
});
dark.addEventListener("change", name);
name();

const all = document.getElementById("expand");
const parts = [...document.querySelectorAll("details")];
function label() {
  all.textContent = parts.every((part) => part.open) ? "Close all tables" : "Open all tables";
}
all.addEventListener("click", () => {
  const open = !parts.every((part) => part.open);
  for (const part of parts) part.open = open;
  label();
});
for (const part of parts) part.addEventListener("toggle", label);
label();

// A table or drawing that is wider than the window scrolls with the arrow keys while it has the focus.
const sizes = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    if (target.scrollWidth > target.clientWidth) target.tabIndex = 0;
    else target.removeAttribute("tabindex");
  }
});
for (const box of document.querySelectorAll(".scroll")) sizes.observe(box);

for (const button of document.querySelectorAll(".tools button")) button.hidden = false;
