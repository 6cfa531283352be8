// What begins with a slash is a command: completed while it is written, and confirmed like the button that it stands for.

/** Returns a function for key presses that says whether it took the key; `complain` shows words, or none. */
export function commands(body, complain) {
  const list = document.getElementById("commands");
  const options = Array.from(list.children);
  const link = (option) => document.querySelector(`.agent-actions a[href$="/${option.dataset.command}"]`);
  let chosen = 0;

  const offered = () => options.filter((option) => !option.hidden);

  function mark() {
    offered().forEach((option, index) => option.setAttribute("aria-selected", index === chosen ? "true" : "false"));
    const now = list.hidden ? null : offered()[chosen];
    if (now) body.setAttribute("aria-activedescendant", now.id);
    else body.removeAttribute("aria-activedescendant");
  }

  function show() {
    const words = /^\/(\w*)$/.exec(body.value.trimEnd());
    for (const option of options) {
      option.hidden = !words || !option.dataset.command.startsWith(words[1]) || !link(option) || link(option).hidden;
    }
    list.hidden = offered().length === 0;
    chosen = 0;
    mark();
  }

  function run(option) {
    body.value = "";
    body.dispatchEvent(new Event("input"));
    complain("");
    link(option).click();
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
      body.value = `/${all[chosen].dataset.command}`;
      show();
    } else if (event.key === "Enter" && !event.shiftKey) {
      if (all.length) run(all[chosen]);
      else if (/^\/\w+\s*$/.test(body.value)) complain("There is no such command here, or it makes no sense now.");
      else return false;
    } else {
      return false;
    }
    event.preventDefault();
    return true;
  };
}
