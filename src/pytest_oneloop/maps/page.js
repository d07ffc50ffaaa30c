"use strict";
// Without this script each box is a link to its entry in the list below the picture.
const panel = document.getElementById("details");
const facts = panel.querySelector(".facts");
const hint = facts.innerHTML;
let opener = null;

function choose(link) {
  const entry = document.getElementById(link.getAttribute("href").slice(1));
  facts.replaceChildren(...Array.from(entry.childNodes, (node) => node.cloneNode(true)));
  mark(link.getAttribute("href"));
  opener = link;
  panel.hidden = false;
  panel.scrollTop = 0;
  uncover(link);
}

// On a small screen the panel lies over the picture.
function uncover(link) {
  if (getComputedStyle(panel).position !== "fixed") return;
  const box = (link.querySelector("rect") || link).getBoundingClientRect();
  const below = box.bottom + 12 - panel.getBoundingClientRect().top;
  if (below > 0) window.scrollBy(0, below);
}

function mark(href) {
  for (const link of document.querySelectorAll(".item")) {
    const chosen = link.getAttribute("href") === href;
    link.classList.toggle("chosen", chosen);
    if (chosen) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
}

function close() {
  panel.hidden = true;
  facts.innerHTML = hint;
  mark(null);
  if (opener) opener.focus({ preventScroll: true });
  opener = null;
}

document.addEventListener("click", (event) => {
  const link = event.target.closest(".item");
  if (link) {
    event.preventDefault();
    choose(link);
  } else if (event.target.closest(".close")) close();
});
document.addEventListener("keydown", (event) => {
  const link = event.target.closest && event.target.closest(".item");
  if (event.key === "Escape" && !panel.hidden) close();
  else if (event.key === " " && link) {
    event.preventDefault();
    choose(link);
  }
});
