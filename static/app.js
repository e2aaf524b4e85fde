// What pages do beyond HTML and htmx. Everything works without it.

// A menu closes when one clicks beside it or presses Escape.
function closeMenus(except) {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (menu !== except) menu.removeAttribute("open");
  }
}
document.addEventListener("click", (event) => closeMenus(event.target.closest("details.menu")));
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const open = document.querySelector("details.menu[open]");
  closeMenus(null);
  if (open) open.querySelector("summary").focus();
});

// <button data-copy="#id"> copies the value or text of another element.
document.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-copy]");
  const source = button && document.querySelector(button.dataset.copy);
  if (!source) return;
  try {
    await navigator.clipboard.writeText(source.value ?? source.textContent);
  } catch {
    source.select?.();
    return;
  }
  const words = button.textContent;
  button.textContent = "Copied";
  setTimeout(() => { button.textContent = words; }, 1500);
});

// A form is sent once, however often its button is pressed.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.dataset.sent) event.preventDefault();
  else if (!event.defaultPrevented && form.method === "post") form.dataset.sent = "yes";
});
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});

// <input type="checkbox" data-tick-all> ticks every box of its form; without scripts it stays hidden.
function prepareTickAll() {
  for (const all of document.querySelectorAll("input[data-tick-all]")) all.hidden = false;
}
document.addEventListener("DOMContentLoaded", prepareTickAll);
prepareTickAll();
document.addEventListener("change", (event) => {
  const box = event.target;
  const form = box.closest("form");
  if (!form || box.type !== "checkbox") return;
  const all = form.querySelector("input[data-tick-all]");
  const boxes = [...form.querySelectorAll("tbody input[type=checkbox]")];
  if (box === all) for (const one of boxes) one.checked = all.checked;
  else if (all) {
    const ticked = boxes.filter((one) => one.checked).length;
    all.checked = ticked === boxes.length;
    all.indeterminate = ticked > 0 && ticked < boxes.length;
  }
});

// On a phone the tabs of a lab are wider than the page: the one that is shown comes into sight.
const tabs = document.querySelector("nav.tabs");
const shown = tabs?.querySelector("a[aria-current]");
if (shown) tabs.scrollLeft = shown.offsetLeft - (tabs.clientWidth - shown.offsetWidth) / 2;
