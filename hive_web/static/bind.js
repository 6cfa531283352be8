// Fills markup that the server made with the fields of a view. All text goes in as text; nothing here parses markup.
//
// `data-bind` lists what of an element comes from which field, as `what:field what:field`:
//
//   text:field       the text
//   time:field       a <time>
//   tree:field       a parsed text
//   lines:field      the lines of a diff
//   href:field       the address; none when the field is empty
//   id:field, value:field, title:field
//   label:field      the accessible name
//   if:field         hidden when the field is empty, 0 or false
//   set.name:field   data-name; true is "yes", false and empty are ""
//
// It stands on what is filled in place, and in each `<template>`. Elements that the server made like a template carry
// none of it, which keeps pages small: they are filled by the template's, element by element. So a template and what
// the server renders have the same elements, and what is not to be seen is hidden, never left out.
//
// A field that the view does not have is left as it is, so that one element can be filled from two views.

import { show } from "./times.js";
import { build } from "./tree.js";

const FILL = {
  text: setText,
  time: show,
  tree: (element, value) => element.replaceChildren(build(value)),
  lines: (element, value) => element.replaceChildren(...value.map(diffLine)),
  href: (element, value) => (value ? element.setAttribute("href", value) : element.removeAttribute("href")),
  id: (element, value) => (element.id = value),
  value: (element, value) => element.setAttribute("value", value),
  title: (element, value) => element.setAttribute("title", value),
  label: (element, value) => element.setAttribute("aria-label", value),
  if: (element, value) => (element.hidden = Array.isArray(value) ? value.length === 0 : !value),
};
const plans = new WeakMap();

/** Fill an element and what is in it. `shape` is the element that says how, for one that does not say so itself. */
export function fill(root, view, shape = root) {
  if (!plans.has(shape)) plans.set(shape, plan(shape));
  for (const { path, rules } of plans.get(shape)) {
    const element = path.reduce((at, index) => at?.children[index], root);
    if (element) for (const rule of rules) apply(element, rule, view);
  }
}

function plan(shape) {
  const bound = [...(shape.matches("[data-bind]") ? [shape] : []), ...shape.querySelectorAll("[data-bind]")];
  return bound.map((element) => ({
    path: pathTo(element, shape),
    rules: element.dataset.bind.split(" ").map((rule) => rule.split(":")),
  }));
}

function pathTo(element, root) {
  const path = [];
  for (let at = element; at !== root; at = at.parentElement) path.unshift([...at.parentElement.children].indexOf(at));
  return path;
}

function apply(element, [what, field], view) {
  if (!(field in view)) return;
  if (what.startsWith("set.")) {
    const name = what.slice(4);
    const value = attribute(view[field]);
    if (value || name in element.dataset) element.dataset[name] = value;
  } else {
    FILL[what](element, view[field]);
  }
}

function setText(element, value) {
  const words = value === null ? "" : String(value);
  if (element.textContent !== words) element.textContent = words; // leave a selection alone where nothing changed
}

function attribute(value) {
  if (typeof value === "string") return value;
  return value ? "yes" : "";
}

function diffLine({ kind, text }) {
  const line = document.createElement("div");
  line.dataset.kind = kind;
  line.textContent = text || " ";
  return line;
}

/** The element of a `<template>`, to fill others by. */
export function shapeOf(templateId) {
  return document.getElementById(templateId).content.firstElementChild;
}

/** A copy of a `<template>`'s element, filled. */
export function make(templateId, view) {
  const shape = shapeOf(templateId);
  const element = shape.cloneNode(true);
  element.removeAttribute("data-bind");
  for (const bound of element.querySelectorAll("[data-bind]")) bound.removeAttribute("data-bind");
  if (view.key !== undefined) element.dataset.key = view.key;
  fill(element, view, shape);
  return element;
}

/** Elements of a list by their key. */
export function keyed(list) {
  return new Map(Array.from(list.children, (element) => [element.dataset.key, element]));
}

/** Make a list's elements those of `keys`, in this order. An element that stays keeps its focus and its selection. */
export function arrange(list, keys, elements) {
  const wanted = new Set(keys);
  for (const [key, element] of keyed(list)) if (!wanted.has(key)) element.remove();
  let before = list.firstElementChild;
  for (const key of keys) {
    const element = elements.get(key);
    if (element === before) before = before.nextElementSibling;
    else list.insertBefore(element, before);
  }
  showEmpty(list);
}

/** What stands in for a list without elements. */
export function showEmpty(list) {
  const name = list.dataset.list ?? list.id;
  const placeholder = document.querySelector(`[data-empty="${name}"]`);
  if (placeholder) placeholder.hidden = list.childElementCount > 0;
}
