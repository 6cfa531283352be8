// The hive's page, live.

import { arrange, fill, keyed, make, shapeOf } from "./bind.js";
import { showHive } from "./frame.js";
import { loadAgain, restoreFocus } from "./focus.js";
import { follow } from "./live.js";

const page = document.getElementById("main");
const frame = document.getElementById("frame");
const lists = new Map(Array.from(page.querySelectorAll("[data-list]"), (list) => [list.dataset.list, list]));

/** Update or make the element of each view, and arrange them as `keys`. */
function update(name, { keys, changed }) {
  const list = lists.get(name);
  const elements = keyed(list);
  for (const view of changed) {
    const element = elements.get(view.key);
    if (element) fill(element, view, shapeOf(`${name}-template`));
    else elements.set(view.key, make(`${name}-template`, view));
  }
  // A page that was away may be told of fewer changes than it missed; what it cannot show it asks for anew.
  if (keys.some((key) => !elements.has(key))) loadAgain();
  else arrange(list, keys, elements);
}

function selection() {
  const selected = page.querySelectorAll(".agents input:checked").length;
  const words = document.getElementById("selected");
  if (!words) return;
  words.textContent = selected ? `${selected} selected` : "";
  page.querySelector(".bulk").dataset.some = selected ? "yes" : "";
}

follow({
  cursor: frame.dataset.cursor,
  digest: page.dataset.digest,
  handlers: {
    hive(told) {
      showHive(told, told.hive.name);
      document.getElementById("health").dataset.healthy = told.hive.healthy ? "yes" : "";
      const stop = document.getElementById("stop-all");
      if (stop) stop.hidden = Boolean(told.hive.stopped);
    },
    lists(told) {
      for (const [name, changes] of Object.entries(told.lists)) update(name, changes);
      document.getElementById("waiting").hidden = lists.get("waiting").childElementCount === 0;
      selection();
    },
  },
});

page.addEventListener("change", selection);
addEventListener("pageshow", selection); // a browser that comes back keeps the ticks
selection();
restoreFocus();
