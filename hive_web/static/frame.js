// What every page of somebody signed in has: the theme, the account menu, confirmations, notices.

import { keepFresh } from "./times.js";
import { confirmations } from "./confirm.js";

const THEMES = ["system", "light", "dark"];

function themeButton() {
  const button = document.getElementById("theme");
  const root = document.documentElement;
  const current = () => root.dataset.theme ?? "system";
  const show = () => {
    button.dataset.choice = current();
    button.querySelector(".theme-words").textContent = current();
    button.title = `Theme: ${current()}`;
  };
  button.addEventListener("click", () => {
    const next = THEMES[(THEMES.indexOf(current()) + 1) % THEMES.length];
    if (next === "system") delete root.dataset.theme;
    else root.dataset.theme = next;
    try {
      if (next === "system") localStorage.removeItem("theme");
      else localStorage.setItem("theme", next);
    } catch {
      // Storage can be forbidden; the choice then holds for this page.
    }
    show();
  });
  show();
  button.hidden = false;
}

function accountMenu() {
  const menu = document.querySelector("details.account");
  document.addEventListener("click", (event) => {
    if (!menu.contains(event.target)) menu.open = false;
  });
  menu.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    menu.open = false;
    menu.querySelector("summary").focus();
  });
}

/** A form that must not be sent twice shows that it is under way. */
function onceForms() {
  for (const form of document.querySelectorAll("form[data-once]")) {
    form.addEventListener("submit", () => {
      form.querySelector("button[type=submit]").setAttribute("aria-disabled", "true");
      form.addEventListener("submit", (event) => event.preventDefault());
    });
  }
}

/** The parts of the hive that every page shows: its header, what waits, the stand-in's banner. */
export function showHive(hive, pageTitle) {
  for (const element of document.querySelectorAll("[data-hive]")) {
    const words = String(hive[element.dataset.hive]);
    if (element.textContent !== words) element.textContent = words;
  }
  document.getElementById("stand-in").hidden = !hive.stand_in;
  document.title = (hive.waiting ? `(${hive.waiting}) ` : "") + pageTitle;
  const icon = document.querySelector("link[rel=icon]");
  const wanted = hive.waiting ? icon.dataset.attention : icon.dataset.calm;
  if (icon.getAttribute("href") !== wanted) icon.setAttribute("href", wanted);
}

themeButton();
accountMenu();
onceForms();
confirmations();
keepFresh();
