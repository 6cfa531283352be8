// A page that is not live itself: its frame is, and it loads anew when what it shows has changed.

import { showHive } from "./frame.js";
import { follow } from "./live.js";
import { loadAgain, restoreFocus } from "./focus.js";
import { trouble } from "./notices.js";

const frame = document.getElementById("frame");
const { place, stamp, cursor } = frame.dataset;
const title = document.title.replace(/^\(\d+\) /, "");

/** Whether somebody is in the middle of something that a reload would take away. */
function busy() {
  const fields = document.querySelectorAll("main :is(input, textarea, select)");
  return Array.from(fields).some((field) =>
    field.matches("[type=checkbox], [type=radio]") ? field.checked !== field.defaultChecked : field.value !== (field.defaultValue ?? field.value),
  ) || document.querySelector("dialog[open], main details.edit[open]");
}

follow({
  cursor,
  handlers: {
    hive(told) {
      showHive(told, title);
      if (!stamp || told.stamps[place] === stamp) return;
      if (busy()) trouble("There is news on this page. Load it again when you are done.");
      else loadAgain();
    },
  },
});

restoreFocus();
