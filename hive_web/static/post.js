// Asking the dashboard to do something, without leaving the page.

export function signInAgain() {
  location.assign(`/sign-in?${new URLSearchParams({ next: location.pathname + location.search })}`);
}

/** Send a form without leaving the page. Resolves to the answer; rejects with words that say what went wrong. */
export async function send(form) {
  let answer;
  try {
    answer = await fetch(form.action, {
      method: "POST",
      headers: { Accept: "application/json" },
      body: new URLSearchParams(new FormData(form)),
    });
  } catch {
    throw new Error("The dashboard is not reachable. Nothing was lost; try again in a moment.");
  }
  if (answer.status === 401) signInAgain();
  const said = await answer.json();
  if (!answer.ok) throw new Error(`${said.message} ${said.hint}`.trim());
  return said;
}
