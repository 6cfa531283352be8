// A page that is not live itself: its frame is, and it loads anew when what it shows has changed.

import { showHive } from "./frame.js";
import { follow } from "./live.js";
import { loadAgain, restoreFocus } from "./focus.js";
import { trouble } from "./notices.js";

const frame = document.getElementById("frame");
const { place, stamp, cursor } = frame.dataset;
const title = document.title.replace(/^\(\d+\) /, "");

/** Where something changes all the time, and so is not loaded again sooner than this after it was loaded. */
const CALM_MS = { spending: 5000 };
let due;

/** Forms that were open when the page came. */
const offered = new Set(document.querySelectorAll("main details.edit[open]"));

/** Whether somebody is in the middle of something that a reload would take away. */
function busy() {
  const fields = document.querySelectorAll("main :is(input, textarea, select)");
  return Array.from(fields).some((field) =>
    field.matches("[type=checkbox], [type=radio]") ? field.checked !== field.defaultChecked : field.value !== (field.defaultValue ?? field.value),
  ) || Array.from(document.querySelectorAll("dialog[open], main details.edit[open]")).some((each) => !offered.has(each));
}

function showNews() {
  due = undefined;
  if (busy()) trouble("There is news on this page. Load it again when you are done.");
  else loadAgain();
}

follow({
  cursor,
  handlers: {
    hive(told) {
      showHive(told, title);
      if (!stamp || told.stamps[place] === stamp) return;
      due ??= setTimeout(showNews, Math.max(0, (CALM_MS[place] ?? 0) - performance.now()));
    },
  },
});

restoreFocus();
