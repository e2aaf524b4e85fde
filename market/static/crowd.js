// The crowd elements that oTree's and other MTurk templates are written with, as plain HTML:
// crowd-form, crowd-button, crowd-input, crowd-text-area. Everything else in a page is left alone.
(() => {
  "use strict";
  const given = new URLSearchParams(location.search);
  const assignment = given.get("assignmentId") || "";
  const preview = assignment === "" || assignment === "ASSIGNMENT_ID_NOT_AVAILABLE";

  const make = (tag, attributes, ...children) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  };

  // Replaces an element by a native one that keeps its attributes.
  const replace = (old, tag, skipped = []) => {
    const fresh = document.createElement(tag);
    for (const { name, value } of old.attributes) if (!skipped.includes(name)) fresh.setAttribute(name, value);
    return fresh;
  };

  const field = (old, tag) => {
    const input = replace(old, tag, ["label"]);
    const text = old.getAttribute("label");
    if (tag === "textarea") input.value = old.getAttribute("value") || old.textContent;
    old.replaceWith(text ? make("label", {}, `${text} `, input) : input);
  };

  const button = (old) => {
    const fresh = replace(old, "button", ["form-action", "variant"]);
    const action = old.getAttribute("form-action");
    fresh.type = action === "reset" ? "reset" : action === "none" ? "button" : "submit";
    fresh.append(...old.childNodes);
    old.replaceWith(fresh);
  };

  const form = (crowd) => {
    const target = `${(given.get("turkSubmitTo") || "").replace(/\/+$/, "")}/mturk/externalSubmit`;
    const inner = make("form", { method: "post", action: target });
    inner.append(...crowd.childNodes);
    inner.append(make("input", { type: "hidden", name: "assignmentId", value: assignment }));
    if (!inner.querySelector("button:not([type]), button[type=submit], input[type=submit]")) {
      inner.append(make("button", { type: "submit" }, "Submit"));
    }
    if (preview) {
      for (const press of inner.querySelectorAll("button, input[type=submit]")) press.disabled = true;
      inner.append(make("p", {}, "Accept the HIT to submit it."));
    }
    crowd.append(inner);
    crowd.submit = () => inner.requestSubmit();
  };

  document.addEventListener("DOMContentLoaded", () => {
    document.querySelectorAll("crowd-input").forEach((old) => field(old, "input"));
    document.querySelectorAll("crowd-text-area").forEach((old) => field(old, "textarea"));
    document.querySelectorAll("crowd-button").forEach(button);
    document.querySelectorAll("crowd-form").forEach(form);
  });
})();
