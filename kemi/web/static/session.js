// Requests of this page: with the session's token, and back to the sign-in page when the session is over.

const token = document.querySelector('meta[name="csrf"]').content;

export async function ask(path, options = {}) {
  const headers = { ...options.headers, "X-CSRF-Token": token };
  const answer = await fetch(path, { ...options, headers, credentials: "same-origin", cache: "no-store" });
  if (answer.status === 401) location.assign("/sign-in");
  return answer;
}

export function offerSignOut() {
  document.getElementById("sign-out").addEventListener("click", async () => {
    await ask("/sign-out", { method: "POST" });
    location.assign("/sign-in");
  });
}
