// Puts the numbers beside their answers. They stay in this page's memory: the portal answers by place and never sends a number back.
const form = document.querySelector("[data-nccid-checker]");
const BETWEEN = /[\n\r\t,;]+/;

function split(typed) {
  return typed
    .split(BETWEEN)
    .map((piece) => piece.trim())
    .filter(Boolean);
}

async function check(event) {
  event.preventDefault();
  const numbers = split(form.elements.numbers.value);
  const body = new URLSearchParams(new FormData(form));
  let answer;
  try {
    answer = await fetch("/checker", { method: "POST", body, cache: "no-store", redirect: "follow" });
  } catch {
    return form.submit();
  }
  if (new URL(answer.url).pathname !== "/checker") return location.assign(answer.url);
  take(new DOMParser().parseFromString(await answer.text(), "text/html"), numbers);
}

function take(page, numbers) {
  const main = page.querySelector("main");
  const typed = form.elements.numbers.value;
  for (const place of main.querySelectorAll("[data-nccid-place]")) place.textContent = numbers[place.dataset.nccidPlace - 1] || place.textContent;
  document.title = page.title;
  document.querySelector("main").replaceChildren(...main.childNodes);
  const again = document.querySelector("[data-nccid-checker]");
  again.elements.numbers.value = document.querySelector("#answers") ? "" : typed;
  location.hash = "";
  wake();
  (document.querySelector(".nhsuk-error-summary") || document.querySelector("#answers") || document.querySelector("h1")).focus?.();
}

function wake() {
  const found = document.querySelector("[data-nccid-checker]");
  found.addEventListener("submit", check);
}

if (form) wake();
