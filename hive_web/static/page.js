// A page that is not live itself: its frame is, and it loads anew when what it shows has changed.

import { fill } from "./bind.js";
import { showHive } from "./frame.js";
import { follow } from "./live.js";
import { loadAgain, restoreFocus } from "./focus.js";
import { trouble } from "./notices.js";

const frame = document.getElementById("frame");
const { place, stamp, cursor } = frame.dataset;
const head = document.querySelector(".agent-head");
const shown = head?.dataset.tab ?? place;
const title = document.title.replace(/^\(\d+\) /, "");

/** Where something changes all the time, and so is not loaded again sooner than this after it was loaded, nor under a reader. */
const CALM_MS = { audit: 5000, messages: 5000, reminders: 5000, spending: 5000, inbox: 5000, stats: 5000, decisions: 5000, accounts: 30000 };
const NEAR = 120;
let due;

/** What was open when the page came. */
const offered = new Set(document.querySelectorAll("main details[open]"));

/** Whether somebody is in the middle of something that a reload would take away. */
function busy() {
  const fields = document.querySelectorAll("main :is(input, textarea, select)");
  return Array.from(fields).some((field) =>
    field.matches("[type=checkbox], [type=radio]") ? field.checked !== field.defaultChecked : field.value !== (field.defaultValue ?? field.value),
  ) || Array.from(document.querySelectorAll("dialog[open], main details[open]")).some((each) => !offered.has(each));
}

function showNews() {
  due = undefined;
  if (busy() || (shown in CALM_MS && scrollY > NEAR)) trouble("There is news on this page. Load it again when you are done.");
  else loadAgain();
}

/** `now` is the stamp of what is shown here. */
function compare(now) {
  if (!stamp || now === stamp) return;
  due ??= setTimeout(showNews, Math.max(0, (CALM_MS[shown] ?? 0) - performance.now()));
}

follow({
  agent: head?.dataset.agent,
  cursor,
  lively: Boolean(stamp),
  handlers: {
    agent({ agent: view, stamps }) {
      if (!view) return;
      fill(head, view);
      compare(stamps[shown]);
    },
    hive(told) {
      showHive(told, title);
      if (!head) compare(told.stamps[shown]);
    },
  },
});

restoreFocus();
