// Writing to an agent: Enter sends, Shift+Enter begins a new line, a draft outlives a reload, a retry sends once.

import { commands } from "./commands.js";
import { send } from "./post.js";

export function composer(agent) {
  const form = document.getElementById("composer");
  if (!form) return;
  const body = form.elements.namedItem("body");
  const key = form.elements.namedItem("key");
  const button = form.querySelector("button");
  const problem = document.getElementById("composer-problem");
  const draft = `draft ${agent}`;
  let attempted = null;

  body.value ||= sessionStorage.getItem(draft) ?? "";
  const grow = () => {
    body.style.height = "auto";
    body.style.height = body.value ? `${body.scrollHeight}px` : ""; // what stands in for a text may be longer than a line
  };
  body.addEventListener("input", () => {
    sessionStorage.setItem(draft, body.value);
    grow();
  });
  const commanding = commands(body, (words) => {
    problem.textContent = words;
    problem.hidden = !words;
  });
  body.addEventListener("keydown", (event) => {
    if (commanding(event)) return;
    // While an input method composes, Enter chooses a candidate.
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    form.requestSubmit();
  });

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (button.disabled || !body.value.trim()) return;
    button.disabled = true;
    const sent = body.value;
    // The same text again after a lost answer has the same key, and core sends it once. Another text is another message.
    if (sent !== attempted) key.value = newKey();
    attempted = sent;
    try {
      await send(form);
      attempted = null;
      if (body.value === sent) body.value = "";
      sessionStorage.setItem(draft, body.value);
      problem.hidden = true;
    } catch (error) {
      problem.textContent = error.message;
      problem.hidden = false;
    } finally {
      button.disabled = false;
      grow();
    }
  });
  grow();
}

function newKey() {
  // Not crypto.randomUUID: browsers keep that from pages without TLS.
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
