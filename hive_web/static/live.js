// A page's live stream (hive_web/live.py): connects, resumes, and says when it cannot.

import { loadAgain } from "./focus.js";
import { trouble } from "./notices.js";
import { signInAgain } from "./post.js";

const RETRY_MS = 2000;
const badge = document.getElementById("live");

// A browser has six connections to a host, and a stream keeps one of them. So a page that nobody sees lets go of its own after a
// moment, and goes on from there when it is seen again. One of those pages keeps it: it notifies, and tells the others what their titles say.
const HIDDEN_MS = 2000;
const CHANNEL = "hive";

/**
 * Follow from `cursor` on; `digest` is of the lists that the page shows; `handlers` has a function for each kind of frame, given its view.
 * A page that is not `lively` shows more than what is told here, and does not say that it is live.
 */
export function follow({ agent, cursor, digest, lively = true, handlers }) {
  let last = cursor;
  let shown = digest;
  let source;
  let leaving;
  let others;
  let standing;
  const told = new BroadcastChannel(CHANNEL);

  function connect() {
    others?.close();
    const query = new URLSearchParams({ after: last });
    if (agent) query.set("agent", agent);
    if (shown) query.set("digest", shown);
    source = new EventSource(`/events?${query}`);
    source.addEventListener("open", () => state("live", lively));
    source.addEventListener("error", lost);
    for (const [kind, handler] of Object.entries(handlers)) {
      source.addEventListener(kind, (event) => {
        const view = JSON.parse(event.data);
        handler(view);
        if (view.digest) shown = view.digest;
        if (event.lastEventId) last = event.lastEventId;
        if (kind === "hive") told.postMessage(view);
      });
    }
    source.addEventListener("core", (event) => {
      const { reachable } = JSON.parse(event.data);
      state(reachable ? "live" : "core", lively);
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
        (answer) => (answer.status === 401 ? signInAgain() : setTimeout(retry, RETRY_MS)),
        () => setTimeout(retry, RETRY_MS),
      );
    }
  }

  function retry() {
    if (source) connect();
  }

  function letGo() {
    source?.close();
    source = undefined;
    badge.dataset.connection = "none";
    handlers.lost?.();
    others = new BroadcastChannel(CHANNEL);
    others.addEventListener("message", ({ data }) => handlers.hive(data));
  }

  function seen() {
    clearTimeout(leaving);
    standing?.abort();
    if (!source) connect();
  }

  function unseen() {
    const mine = new AbortController();
    standing = mine;
    let keeper = false;
    const keep = () => {
      keeper = true;
      if (!source) connect();
      return new Promise((resolve) => mine.signal.addEventListener("abort", resolve));
    };
    // Where the page did not come by TLS, and not from this machine, there are no locks.
    navigator.locks?.request(CHANNEL, { signal: mine.signal }, keep).catch(() => {});
    leaving = setTimeout(() => keeper || letGo(), HIDDEN_MS);
  }

  const attend = () => (document.hidden ? unseen() : seen());
  document.addEventListener("visibilitychange", attend);
  attend();
  addEventListener("pagehide", () => source?.close());
  addEventListener("pageshow", (event) => event.persisted && attend());
}

const WORDS = { live: "Live", reconnecting: "Reconnecting", core: "Core is away" };
const TROUBLE = {
  reconnecting: "Reconnecting to the dashboard. What you see may be out of date.",
  core: "Core is not reachable; trying again. Agents go on working, and nothing they say is lost.",
};
const PATIENCE_MS = 1500; // a blink of a connection is not worth a banner
let waiting;

function state(name, lively) {
  badge.hidden = name === "live" && !lively;
  badge.dataset.connection = name;
  badge.querySelector(".live-words").textContent = WORDS[name];
  clearTimeout(waiting);
  if (name === "live") trouble("");
  else waiting = setTimeout(() => trouble(TROUBLE[name]), PATIENCE_MS);
}
