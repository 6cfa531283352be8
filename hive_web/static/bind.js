// Fills markup that the server made with the fields of a view. All text goes in as text; nothing here parses markup.
//
//   data-text="field"            the text
//   data-time="field"            a <time>
//   data-tree="field"            a parsed text
//   data-href="field"            the address; none when the field is empty. data-href-suffix is put behind it
//   data-id="field"              the id
//   data-if="field"              hidden when the field is empty, 0 or false
//   data-set="name name:field"   data-name; true is "yes", false and empty are ""
//
// A field that the view does not have is left as it is, so that one element can be filled from two views.

import { show } from "./times.js";
import { build } from "./tree.js";

const BOUND = "[data-text],[data-time],[data-tree],[data-href],[data-id],[data-if],[data-set]";

export function fill(root, view) {
  if (root.matches?.(BOUND)) fillOne(root, view);
  for (const element of root.querySelectorAll(BOUND)) fillOne(element, view);
}

function fillOne(element, view) {
  const { text, time, tree, href, hrefSuffix = "", id, if: shown, set } = element.dataset;
  const has = (field) => field !== undefined && field in view;
  if (has(text)) setText(element, view[text]);
  if (has(time)) show(element, view[time]);
  if (has(tree)) element.replaceChildren(build(view[tree]));
  if (has(href)) {
    if (view[href]) element.setAttribute("href", view[href] + hrefSuffix);
    else element.removeAttribute("href");
  }
  if (has(id)) element.id = view[id];
  if (has(shown)) element.hidden = !view[shown];
  for (const pair of set ? set.split(" ") : []) {
    const [name, field = name] = pair.split(":");
    if (has(field)) element.dataset[name] = attribute(view[field]);
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

/** A copy of a `<template>`'s element, filled. */
export function make(templateId, view) {
  const element = document.getElementById(templateId).content.firstElementChild.cloneNode(true);
  if (view.key !== undefined) element.dataset.key = view.key;
  fill(element, view);
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
