// What every page of somebody signed in has: the theme, the account menu, confirmations, notices.

import { confirmations } from "./confirm.js";
import { keys } from "./keys.js";
import { toast } from "./notices.js";
import { keepFresh } from "./times.js";

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

/** Desktop notifications, where somebody has asked for them on this device. */
function notifyButton() {
  const button = document.getElementById("notify");
  if (!("Notification" in window)) return;
  const on = () => Notification.permission === "granted" && stored("notify") === "yes";
  const show = () => (button.textContent = on() ? "Do not notify me here" : "Notify me on this device");
  button.addEventListener("click", async () => {
    if (on()) store("notify", "");
    else if ((await Notification.requestPermission()) === "granted") store("notify", "yes");
    else toast("This browser does not allow notifications from here. Its settings for this site do.");
    show();
  });
  show();
  button.hidden = false;
}

function stored(name) {
  try {
    return localStorage.getItem(name);
  } catch {
    return null; // storage can be forbidden
  }
}

function store(name, value) {
  try {
    localStorage.setItem(name, value);
  } catch {
    // The choice then holds for nothing: there is nowhere to keep it.
  }
}

let waited = Number(document.getElementById("frame").dataset.waiting);

function notify(hive) {
  const more = hive.waiting > waited;
  waited = hive.waiting;
  if (!more || !document.hidden || stored("notify") !== "yes" || Notification.permission !== "granted") return;
  const count = hive.waiting === 1 ? "Something waits for you" : `${hive.waiting} things wait for you`;
  new Notification(`${count} · ${hive.name}`, { body: hive.waiting_words, tag: "hive-waiting" }).onclick = () => focus();
}

/** The parts of the hive that every page shows: its header, what waits, the stand-in's banner. */
export function showHive({ hive, counts }, pageTitle) {
  notify(hive);
  for (const place of document.querySelectorAll(".places [data-place]")) {
    const count = counts[place.dataset.place] ?? 0;
    const badge = place.querySelector(".count");
    if (!count) badge?.remove();
    else if (badge) badge.textContent = count;
    else place.append(" ", Object.assign(document.createElement("b"), { className: "count", textContent: count }));
  }
  for (const element of document.querySelectorAll("[data-hive]")) {
    const words = String(hive[element.dataset.hive]);
    if (element.textContent !== words) element.textContent = words;
  }
  document.getElementById("stand-in").hidden = !hive.stand_in;
  document.getElementById("stopped").hidden = !hive.stopped;
  document.title = (hive.waiting ? `(${hive.waiting}) ` : "") + pageTitle;
  const icon = document.querySelector("link[rel=icon]");
  const wanted = hive.waiting ? icon.dataset.attention : icon.dataset.calm;
  if (icon.getAttribute("href") !== wanted) icon.setAttribute("href", wanted);
}

/** On a phone the navigation is wider than the page: it begins with the place where one is in sight. */
function showPlace() {
  for (const here of document.querySelectorAll(".places [aria-current], .tabs [aria-current]")) {
    const list = here.parentElement;
    list.scrollLeft = here.offsetLeft - (list.clientWidth - here.offsetWidth) / 2;
  }
}

showPlace();
themeButton();
accountMenu();
onceForms();
confirmations();
notifyButton();
keys();
keepFresh();
