// Words for the person at the page, outside its content.

export function toast(words) {
  const note = document.createElement("p");
  note.className = "toast";
  note.textContent = words;
  document.getElementById("toasts").append(note);
  setTimeout(() => note.remove(), 6000);
}

/** Say something to those who cannot see the page change. */
export function announce(words) {
  document.getElementById("announcement").textContent = words;
}

/** A strip below the bar for what is wrong with the connection; empty when nothing is. */
export function trouble(words) {
  const strip = document.getElementById("trouble");
  strip.hidden = !words;
  strip.textContent = words;
}
