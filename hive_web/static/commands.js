// What begins with a slash is a command, completed while it is written. One that a button has too asks as that does.

import { toast } from "./notices.js";
import { send } from "./post.js";

/** `/name` or `/name value` on a line of its own. */
function parse(text) {
  const found = /^\/([a-z-]*)(?:[ ]+(\S*))?\s*$/.exec(text);
  return found && { name: found[1], value: found[2] ?? "" };
}

function command(kind, value) {
  const form = document.createElement("form");
  form.action = `${location.pathname}command`;
  for (const [name, text] of Object.entries({ kind, value })) {
    form.append(Object.assign(document.createElement("input"), { name, value: text }));
  }
  return send(form);
}

/** Returns a function for key presses that says whether it took the key; `complain` shows words, or none. */
export function commands(body, complain) {
  const list = document.getElementById("commands");
  const options = Array.from(list.children);
  const link = (option) => document.querySelector(`.agent-actions a[href$="/${option.dataset.command}"]`);
  const offers = (option) => option.dataset.kind || (link(option) && !link(option).hidden);
  let chosen = 0;

  const offered = () => options.filter((option) => !option.hidden);

  function mark() {
    offered().forEach((option, index) => option.setAttribute("aria-selected", index === chosen ? "true" : "false"));
    const now = list.hidden ? null : offered()[chosen];
    if (now) body.setAttribute("aria-activedescendant", now.id);
    else body.removeAttribute("aria-activedescendant");
  }

  function show() {
    const words = parse(body.value);
    for (const option of options) {
      const { command, takes } = option.dataset;
      const fits = words && (words.value ? takes && command === words.name : command.startsWith(words.name));
      option.hidden = !fits || !offers(option);
    }
    list.hidden = offered().length === 0;
    chosen = 0;
    mark();
  }

  async function run(option) {
    const { value } = parse(body.value) ?? { value: "" };
    body.value = "";
    body.dispatchEvent(new Event("input"));
    complain("");
    if (!option.dataset.kind) {
      link(option).click();
      return;
    }
    try {
      toast((await command(option.dataset.kind, value)).message);
    } catch (error) {
      complain(error.message);
    }
  }

  body.addEventListener("input", show);
  list.addEventListener("click", (event) => {
    const option = event.target.closest("[role=option]");
    if (option) run(option);
  });

  return (event) => {
    if (!body.value.startsWith("/") || event.isComposing) return false;
    const all = list.hidden ? [] : offered();
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      if (!all.length) return false;
      chosen = (chosen + (event.key === "ArrowDown" ? 1 : -1) + all.length) % all.length;
      mark();
    } else if (event.key === "Escape") {
      list.hidden = true;
      mark();
    } else if (event.key === "Tab" && all.length) {
      body.value = `/${all[chosen].dataset.command}${all[chosen].dataset.takes ? " " : ""}`;
      show();
    } else if (event.key === "Enter" && !event.shiftKey) {
      if (all.length) run(all[chosen]);
      else if (parse(body.value)) complain("There is no such command here, or it makes no sense now.");
      else return false;
    } else {
      return false;
    }
    event.preventDefault();
    return true;
  };
}
