// The keyboard (hive_web/places.py lists it, `/help` shows it).

const PATIENCE_MS = 1200;
const ROWS = ".rows > li:not([hidden]), .messages > li, tr[data-row]";
let going = 0;

function writing(target) {
  return target.closest("input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]");
}

function move(step) {
  const rows = Array.from(document.querySelectorAll(ROWS));
  if (!rows.length) return;
  const at = rows.findIndex((row) => row.contains(document.activeElement));
  const row = rows[Math.max(0, Math.min(rows.length - 1, at + step))];
  const link = row.querySelector("a[href]");
  if (!link) row.tabIndex = -1;
  (link ?? row).focus({ preventScroll: true });
  row.scrollIntoView({ block: "nearest" });
}

function pressed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || writing(event.target)) return;
  if (document.querySelector("dialog[open]")) return;
  const key = event.key;
  if (Date.now() - going < PATIENCE_MS) {
    going = 0;
    const place = Array.from(document.querySelectorAll(".places a")).find((link) => link.dataset.key === key);
    if (place) location.assign(place.href);
  } else if (key === "g") {
    going = Date.now();
  } else if (key === "j" || key === "k") {
    move(key === "j" ? 1 : -1);
  } else if (key === "x") {
    const row = document.activeElement.closest("li, tr");
    row?.querySelector("input[type=checkbox]")?.click();
  } else if (key === "c") {
    const body = document.getElementById("body");
    if (!body) return;
    body.focus();
  } else if (key === "/") {
    const search = document.getElementById("search");
    if (search) search.focus();
    else location.assign("/messages#search");
  } else if (key === "?") {
    location.assign("/help");
  } else {
    return;
  }
  event.preventDefault();
}

export function keys() {
  document.addEventListener("keydown", pressed);
  if (location.hash === "#search") document.getElementById("search")?.focus();
}
