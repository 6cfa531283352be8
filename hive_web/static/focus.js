// Loading a page again, with the focus where it was: browsers keep how far it was scrolled, but not that.

const FOCUSABLE = "a[href], button, input:not([type=hidden]), select, textarea, summary";
const KEY = "focus";

/** What an element is called among its kind: it may be one of several, and others may come before it. */
function name(element) {
  return `${element.localName} ${element.getAttribute("href") ?? element.name ?? ""} ${element.textContent.trim()}`;
}

export function loadAgain() {
  const focused = document.activeElement;
  if (focused?.matches(`main :is(${FOCUSABLE})`)) {
    sessionStorage.setItem(KEY, JSON.stringify([location.pathname, name(focused)]));
  }
  location.reload();
}

/** Once, after `loadAgain`. */
export function restoreFocus() {
  const stored = sessionStorage.getItem(KEY);
  if (!stored) return;
  sessionStorage.removeItem(KEY);
  const [path, wanted] = JSON.parse(stored);
  if (path !== location.pathname) return;
  const found = Array.from(document.querySelectorAll(`main :is(${FOCUSABLE})`)).find((each) => name(each) === wanted);
  found?.focus({ preventScroll: true });
}
