// A page's live stream (hive_web/live.py): connects, resumes, and says when it cannot.

import { loadAgain } from "./focus.js";
import { trouble } from "./notices.js";
import { signInAgain } from "./post.js";

const RETRY_MS = 2000;

/** Follow from `cursor` on; `digest` is of the lists that the page shows; `handlers` has a function for each kind of frame, given its view. */
export function follow({ agent, cursor, digest, handlers }) {
  let last = cursor;
  let seen = digest;
  let source;

  function connect() {
    const query = new URLSearchParams({ after: last });
    if (agent) query.set("agent", agent);
    if (seen) query.set("digest", seen);
    source = new EventSource(`/events?${query}`);
    source.addEventListener("open", () => state("live"));
    source.addEventListener("error", lost);
    for (const [kind, handler] of Object.entries(handlers)) {
      source.addEventListener(kind, (event) => {
        const view = JSON.parse(event.data);
        handler(view);
        if (view.digest) seen = view.digest;
        if (event.lastEventId) last = event.lastEventId;
      });
    }
    source.addEventListener("core", (event) => {
      const { reachable } = JSON.parse(event.data);
      state(reachable ? "live" : "core");
    });
    source.addEventListener("reset", loadAgain);
    source.addEventListener("signed-out", () => {
      source.close();
      signInAgain();
    });
  }

  function lost() {
    state("reconnecting");
    handlers.lost?.();
    // The browser retries by itself when a connection breaks, but gives up after an answer such as 503 or 401.
    if (source.readyState === EventSource.CLOSED) {
      fetch("/session", { headers: { Accept: "application/json" } }).then(
        (answer) => (answer.status === 401 ? signInAgain() : setTimeout(connect, RETRY_MS)),
        () => setTimeout(connect, RETRY_MS),
      );
    }
  }

  connect();
  addEventListener("pagehide", () => source.close());
  addEventListener("pageshow", (event) => event.persisted && connect());
}

const WORDS = { live: "Live", reconnecting: "Reconnecting", core: "Core is away" };
const TROUBLE = {
  reconnecting: "Reconnecting to the dashboard. What you see may be out of date.",
  core: "Core is not reachable; trying again. Agents go on working, and nothing they say is lost.",
};
const PATIENCE_MS = 1500; // a blink of a connection is not worth a banner
let waiting;

function state(name) {
  const badge = document.getElementById("live");
  badge.hidden = false;
  badge.dataset.connection = name;
  badge.querySelector(".live-words").textContent = WORDS[name];
  clearTimeout(waiting);
  if (name === "live") trouble("");
  else waiting = setTimeout(() => trouble(TROUBLE[name]), PATIENCE_MS);
}
