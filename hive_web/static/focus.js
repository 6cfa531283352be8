// Loading a page again, with the focus where it was: browsers keep how far it was scrolled, but not that.

const FOCUSABLE = "a[href], button, input:not([type=hidden]), select, textarea, summary";
const KEY = "focus";
const LEAVING_MS = 5000;

/** What an element is called among its kind: it may be one of several, and others may come before it. */
function name(element) {
  return `${element.localName} ${element.getAttribute("href") ?? element.name ?? ""} ${element.textContent.trim()}`;
}

let leaving = false;
addEventListener("beforeunload", () => {
  leaving = true;
  // It may have been a download, or an address that did not answer.
  setTimeout(() => (leaving = false), LEAVING_MS);
});

export function loadAgain() {
  // A reload would take the place of where somebody is about to go.
  if (leaving) {
    setTimeout(loadAgain, LEAVING_MS);
    return;
  }
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
