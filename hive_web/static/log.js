// An agent's log, followed while somebody wants it.

import "./page.js";

const KEPT = 2000;
const list = document.getElementById("log");
const button = document.getElementById("follow");
const shape = document.getElementById("log-template");
let source = null;

function add({ at, source: writer, priority, text }) {
  const line = shape.content.firstElementChild.cloneNode(true);
  const [time, from, words] = line.children;
  line.dataset.priority = priority;
  time.dateTime = at;
  time.textContent = at.slice(5, 19).replace("T", " ");
  from.textContent = writer;
  words.textContent = text;
  const follows = list.scrollTop + list.clientHeight >= list.scrollHeight - 40;
  list.append(line);
  while (list.childElementCount > KEPT) list.firstElementChild.remove();
  if (follows) list.scrollTop = list.scrollHeight;
}

function toggle() {
  if (source) {
    source.close();
    source = null;
  } else {
    source = new EventSource(location.pathname);
    source.addEventListener("line", (event) => add(JSON.parse(event.data)));
  }
  button.setAttribute("aria-pressed", source ? "true" : "false");
  button.textContent = source ? "Following" : "Follow";
}

if (button) {
  button.hidden = false;
  button.addEventListener("click", toggle);
  list.scrollTop = list.scrollHeight;
}
addEventListener("pagehide", () => source?.close());
