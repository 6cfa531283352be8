// A link that leads to a confirmation asks its question in a dialog instead, and does it without leaving the page.

import { toast } from "./notices.js";
import { send } from "./post.js";

export function confirmations() {
  const dialog = document.getElementById("confirm");
  const form = dialog.querySelector("form");
  const problem = dialog.querySelector(".problem");
  const submit = dialog.querySelector("[type=submit]");

  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-confirm]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const { confirm, agent } = link.dataset;
    dialog.querySelector("h2").textContent = `${confirm} ${agent}?`;
    for (const words of dialog.querySelectorAll(".consequence")) words.hidden = words.dataset.verb !== confirm;
    submit.textContent = `${confirm} ${agent}`;
    form.action = link.href;
    problem.hidden = true;
    dialog.showModal();
    submit.focus();
  });

  dialog.querySelector("[value=cancel]").addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    submit.disabled = true;
    try {
      const { message } = await send(form);
      dialog.close();
      toast(message);
    } catch (error) {
      problem.textContent = error.message;
      problem.hidden = false;
    } finally {
      submit.disabled = false;
    }
  });
}
