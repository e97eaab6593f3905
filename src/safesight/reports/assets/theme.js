"use strict";
// Light or dark: the system's choice until the reader makes one. Storage may be refused (a file opened from disk).
(() => {
  const root = document.documentElement;
  const recall = () => { try { return localStorage.getItem("safesight-theme"); } catch { return null; } };
  const keep = (value) => { try { localStorage.setItem("safesight-theme", value); } catch { /* not kept */ } };
  const chosen = recall();
  if (chosen === "dark" || chosen === "light") root.dataset.theme = chosen;
  addEventListener("DOMContentLoaded", () => {
    const button = document.getElementById("theme");
    if (!button) return;
    button.hidden = false;
    button.addEventListener("click", () => {
      const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
      root.dataset.theme = dark ? "light" : "dark";
      keep(root.dataset.theme);
    });
  });
})();
