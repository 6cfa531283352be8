// Moments in words, the same as hive_web/view/times.py, kept up to date.

const STEPS = [[86400, "d"], [3600, "h"], [60, "min"]];
const REFRESH_MS = 15_000;

export function relative(moment, now) {
  const seconds = (now - moment) / 1000;
  for (const [size, unit] of STEPS) {
    if (Math.abs(seconds) >= size) {
      const count = Math.floor(Math.abs(seconds) / size);
      return seconds > 0 ? `${count} ${unit} ago` : `in ${count} ${unit}`;
    }
  }
  return seconds > -5 ? "just now" : "in a moment";
}

const absolute = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "long" });

/** Show a moment, given in RFC 3339, in a `<time>`; an empty one leaves it empty. */
export function show(element, iso) {
  element.dateTime = iso || "";
  refresh(element);
}

function refresh(element) {
  const moment = new Date(element.dateTime);
  if (Number.isNaN(moment.getTime())) {
    element.textContent = "";
    return;
  }
  const words = relative(moment, new Date());
  if (element.textContent !== words) element.textContent = words;
  element.title = absolute.format(moment);
}

export function keepFresh() {
  const all = () => document.querySelectorAll("time[datetime]:not([data-clock])").forEach(refresh);
  all();
  setInterval(all, REFRESH_MS);
  document.addEventListener("visibilitychange", () => document.hidden || all());
}
