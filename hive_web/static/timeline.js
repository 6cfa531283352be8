// An agent's history, live: applies the patches of hive_web/view/timeline.py as that file does.

import { fill, keyed, make, shapeOf, showEmpty } from "./bind.js";

const UNKNOWN_TURN = {
  running: false, failed: false, outcome: "", wake: "Turn", took: "", model: "", tokens: "", cost: "", error: "",
};

export class Timeline {
  constructor(list) {
    this.list = list;
    this.entries = keyed(list);
    this.steps = new Map(Array.from(list.querySelectorAll(".step"), (step) => [step.dataset.key, step]));
    this.streaming = null;
  }

  apply({ kind, turn, at, view }) {
    switch (kind) {
      case "line":
        if (this.saidBefore(view.text)) break;
      // falls through
      case "message":
        if (!this.entries.has(view.key)) this.add(view.key, make(`${kind}-template`, view));
        break;
      case "turn":
        fill(this.turn(turn, at), view, shapeOf("turn-template"));
        if (!view.running) this.endStream();
        break;
      case "step":
        this.endStream();
        this.step(turn, at, view);
        break;
      case "result": {
        const step = this.steps.get(view.key);
        if (step) fill(step, view, shapeOf("tool-template"));
        break;
      }
    }
  }

  /** Whether the last line says the same and no turn came since. */
  saidBefore(text) {
    const last = Array.from(this.list.querySelectorAll(":scope > .line, :scope > .turn")).at(-1);
    return last?.querySelector(".line-text")?.textContent === text;
  }

  /** A piece of text as it is written. The step that follows has the whole text and takes its place. */
  delta({ turn, text }) {
    if (!this.streaming) {
      this.streaming = make("words-template", { kind: "text", body: [["p", []]], cut: false });
      this.streaming.classList.add("streaming");
      this.streaming.setAttribute("aria-hidden", "true"); // said once, when it is whole
      this.turn(turn, new Date().toISOString()).querySelector(".steps").append(this.streaming);
    }
    this.streaming.querySelector("p").append(text);
  }

  /** What was written while nobody listened is missing from the text until it is whole. */
  gap() {
    if (this.streaming) this.delta({ text: " … " });
  }

  endStream() {
    this.streaming?.remove();
    this.streaming = null;
  }

  step(turn, at, view) {
    if (this.steps.has(view.key)) return;
    const element = make(view.kind === "tool" ? "tool-template" : "words-template", view);
    this.steps.set(view.key, element);
    this.turn(turn, at).querySelector(".steps").append(element);
  }

  turn(key, at) {
    if (!this.entries.has(key)) this.add(key, make("turn-template", { ...UNKNOWN_TURN, key, at }));
    return this.entries.get(key);
  }

  add(key, element) {
    element.classList.add("fresh");
    this.entries.set(key, element);
    this.list.append(element);
    showEmpty(this.list);
  }
}
