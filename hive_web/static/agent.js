// An agent's page, live.

import { fill } from "./bind.js";
import { composer } from "./composer.js";
import { loadAgain, restoreFocus } from "./focus.js";
import { showHive } from "./frame.js";
import { follow } from "./live.js";
import { announce } from "./notices.js";
import { Timeline } from "./timeline.js";

const page = document.getElementById("main");
const name = page.dataset.agent;
const { stamp } = document.getElementById("frame").dataset;
const timeline = new Timeline(document.getElementById("timeline"));
const jump = document.getElementById("jump");
let told = null;
let agent = null;

const NEAR = 120;
const atEnd = () => innerHeight + scrollY >= document.documentElement.scrollHeight - NEAR;
const toEnd = () => scrollTo({ top: document.documentElement.scrollHeight });

/** Change the history; who reads at its end stays at its end, who reads further up is not moved. */
function changing(change) {
  const follows = atEnd();
  change();
  if (follows) toEnd();
  else jump.hidden = false;
}

function title() {
  if (told && agent) showHive(told, `${agent.name} · ${agent.state_words} · ${told.hive.name}`);
}

follow({
  agent: name,
  cursor: page.dataset.cursor,
  handlers: {
    hive(view) {
      told = view;
      title();
    },
    agent({ agent: view, stamps }) {
      // A draft outlives this; only who is in the middle of an answer is left alone.
      const busy = Array.from(page.querySelectorAll(".question textarea")).some((answer) => answer.value);
      if (stamps.live !== stamp && !busy) loadAgain();
      if (!view) {
        page.dataset.gone = "yes";
        document.getElementById("gone").hidden = false;
        return;
      }
      if (agent && agent.state !== view.state) announce(`${view.name}: ${view.state_words}`);
      agent = view;
      for (const part of document.querySelectorAll(".crumb-state, .agent-head, .facts, .compose-dock")) fill(part, view);
      title();
    },
    timeline(patch) {
      changing(() => timeline.apply(patch));
      const { kind, view } = patch;
      if (kind === "message" && view.outgoing) announce(`${view.sender} wrote to ${view.recipient}.`);
    },
    delta(piece) {
      changing(() => timeline.delta(piece));
    },
    lost() {
      timeline.gap();
    },
  },
});

jump?.addEventListener("click", toEnd);
addEventListener("scroll", () => {
  if (jump && atEnd()) jump.hidden = true;
}, { passive: true });
composer(name);
restoreFocus();
if (!location.hash) toEnd();
