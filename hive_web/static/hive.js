// The hive's page, live.

import { arrange, fill, keyed, make, showEmpty } from "./bind.js";
import { showHive } from "./frame.js";
import { follow } from "./live.js";

const MESSAGES_KEPT = 100;
const page = document.getElementById("main");
const agents = page.querySelector("[data-list=agents]");
const waiting = page.querySelector("[data-list=waiting]");
const messages = page.querySelector("[data-list=messages]");

/** Update or make the element of each view, and arrange them as `keys`. */
function update(list, templateId, views, keys) {
  const elements = keyed(list);
  for (const view of views) {
    const element = elements.get(view.key);
    if (element) fill(element, view);
    else elements.set(view.key, make(templateId, view));
  }
  arrange(list, keys, elements);
}

follow({
  cursor: page.dataset.cursor,
  handlers: {
    hive({ hive, waiting: items }) {
      showHive(hive, hive.name);
      document.getElementById("health").dataset.healthy = hive.healthy ? "yes" : "";
      update(waiting, "waiting-template", items, items.map((item) => item.key));
      document.getElementById("waiting").hidden = items.length === 0;
    },
    agents({ names, changed }) {
      update(agents, "agent-template", changed, names);
    },
    messages(views) {
      const known = keyed(messages);
      for (const view of views) {
        if (known.has(view.key)) continue;
        const element = make("message-template", view);
        element.classList.add("fresh");
        messages.prepend(element);
      }
      while (messages.childElementCount > MESSAGES_KEPT) messages.lastElementChild.remove();
      showEmpty(messages);
    },
  },
});
