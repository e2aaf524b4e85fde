// The crowd elements that MTurk templates are written with, oTree's among them, in place of Amazon's script: crowd-form,
// crowd-button, crowd-input, crowd-text-area, crowd-checkbox, crowd-radio-group, crowd-radio-button, crowd-slider,
// crowd-instructions, crowd-alert, crowd-card. Each holds the native element that does the work. What a crowd-form hands
// in has the shape that Amazon's had: one field taskAnswers, or with answer-format="flatten-objects" one for each answer.
(() => {
  "use strict";
  const given = new URLSearchParams(location.search);
  const assignment = given.get("assignmentId") || "";
  const preview = assignment === "" || assignment === "ASSIGNMENT_ID_NOT_AVAILABLE";
  let count = 0;

  const make = (tag, attributes, ...children) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  };

  // Runs once the children of an element are there, which a parser adds after the element.
  const complete = (work) => {
    if (document.readyState !== "loading") work();
    else document.addEventListener("DOMContentLoaded", work, { once: true });
  };

  // An element that builds its inside once, however often it is moved.
  class Crowd extends HTMLElement {
    connectedCallback() {
      if (this.built) return;
      this.built = true;
      complete(() => this.build());
    }
    build() {}
  }

  const COPIED = ["name", "placeholder", "required", "disabled", "pattern", "maxlength", "minlength", "min", "max", "step",
    "rows", "autofocus", "autocomplete", "title", "readonly"];

  // A field: a label and a native control, whose value the element shows as its own.
  class Field extends Crowd {
    control(tag, attributes = {}) {
      const control = make(tag, { id: `crowd-${++count}`, ...attributes });
      for (const name of COPIED) if (this.hasAttribute(name)) control.setAttribute(name, this.getAttribute(name));
      if (this.early !== undefined) this.set(control, this.early);
      this.inner = control;
      this.removeAttribute("name");
      return control;
    }
    set(control, value) { control.value = value; }
    get value() { return this.inner ? this.inner.value : this.early ?? this.getAttribute("value") ?? ""; }
    set value(value) {
      if (this.inner) this.set(this.inner, value);
      else this.early = value;
    }
    get name() { return this.inner ? this.inner.name : this.getAttribute("name"); }
    focus() { this.inner?.focus(); }
  }

  class Input extends Field {
    build() {
      const type = this.getAttribute("type") || "text";
      const control = this.control("input", { type, value: this.getAttribute("value") || "" });
      this.labelled(control);
    }
    labelled(control) {
      const text = this.getAttribute("label") || this.getAttribute("placeholder") || "";
      const label = make("label", { for: control.id }, this.getAttribute("label") || "");
      if (!this.hasAttribute("label")) control.setAttribute("aria-label", text || control.name);
      this.replaceChildren(label, control);
    }
  }

  class TextArea extends Input {
    build() {
      const text = this.getAttribute("value") || this.textContent.trim();
      const control = this.control("textarea", { rows: this.getAttribute("rows") || "4" });
      if (this.early === undefined) control.value = text;
      this.labelled(control);
    }
  }

  class Slider extends Input {
    build() {
      const of = (name, usual) => this.getAttribute(name) || usual;
      const range = { type: "range", min: of("min", "0"), max: of("max", "100"), step: of("step", "1") };
      const control = this.control("input", { ...range, value: of("value", of("min", "0")) });
      this.labelled(control);
      const shown = make("output", { for: control.id }, control.value);
      control.addEventListener("input", () => { shown.textContent = control.value; });
      this.append(shown);
    }
  }

  // A box or a button: on or off, and told as {name: {value: true or false}}.
  class Tick extends Field {
    tick(type) {
      const control = this.control("input", { type, value: this.getAttribute("value") || "on" });
      control.checked = this.hasAttribute("checked");
      const label = make("label", { class: "crowd-tick" }, control, ...this.childNodes);
      this.replaceChildren(label);
      return control;
    }
    get checked() { return this.inner ? this.inner.checked : this.hasAttribute("checked"); }
    set checked(on) {
      if (this.inner) this.inner.checked = on;
      else this.toggleAttribute("checked", on);
    }
    get value() { return this.getAttribute("value") || "on"; }
  }

  class Checkbox extends Tick {
    build() { this.tick("checkbox"); }
  }

  // Radio buttons exclude each other within their group, whatever their names are.
  class RadioButton extends Tick {
    build() {
      const control = this.tick("radio");
      const group = this.closest("crowd-radio-group");
      if (!group) return;
      this.said = control.name;
      group.groupName ||= `crowd-group-${++count}`;
      control.name = group.groupName;
    }
    get name() { return this.said ?? super.name; }
  }

  class RadioGroup extends Crowd {
    build() { this.setAttribute("role", "radiogroup"); }
  }

  class Button extends Crowd {
    build() {
      const action = this.getAttribute("form-action");
      const type = action === "reset" ? "reset" : action === "none" ? "button" : "submit";
      const button = make("button", { type }, ...this.childNodes);
      if (this.hasAttribute("href")) {
        button.type = "button";
        button.addEventListener("click", () => open(this.getAttribute("href"), this.getAttribute("target") || "_blank"));
      }
      button.disabled = this.hasAttribute("disabled") || (preview && button.type === "submit");
      this.inner = button;
      this.replaceChildren(button);
    }
    get disabled() { return this.inner ? this.inner.disabled : this.hasAttribute("disabled"); }
    set disabled(off) {
      this.toggleAttribute("disabled", off);
      if (this.inner) this.inner.disabled = off;
    }
  }

  class Instructions extends Crowd {
    build() {
      const part = (name) => this.querySelector(name);
      const [short, full] = [part("short-summary, short-instructions"), part("detailed-instructions, full-instructions")];
      const examples = [["positive-example", "Good example"], ["negative-example", "Bad example"]];
      const details = make("details", {}, make("summary", {}, this.getAttribute("link-text") || "Instructions"));
      if (full) details.append(full);
      for (const [name, heading] of examples) if (part(name)) details.append(make("h3", {}, heading), part(name));
      this.replaceChildren(...(short ? [short] : []), details);
    }
  }

  class Alert extends Crowd {
    build() { this.setAttribute("role", this.getAttribute("type") === "error" ? "alert" : "status"); }
  }

  class Card extends Crowd {
    build() { if (this.hasAttribute("heading")) this.prepend(make("h3", {}, this.getAttribute("heading"))); }
  }

  // What the fields of a form say: [name, value] with a value that is a text or {value: true or false}.
  const answers = (form) => {
    const said = {};
    for (const control of form.elements) {
      const host = control.closest("crowd-checkbox, crowd-radio-button");
      const name = host ? host.name : control.name;
      if (!name || control.disabled || ["submit", "button", "reset", "fieldset"].includes(control.type)) continue;
      if (control.type === "checkbox" || control.type === "radio") {
        said[name] = Object.assign(Object(said[name] ?? {}), { [control.value]: control.checked });
      } else if (control.type === "select-multiple") {
        said[name] = Array.from(control.selectedOptions, (option) => option.value).join("|");
      } else {
        said[name] = control.value;
      }
    }
    return said;
  };

  const flat = (said) => {
    const pairs = [];
    for (const [name, value] of Object.entries(said)) {
      if (typeof value === "string") pairs.push([name, value]);
      else for (const [key, on] of Object.entries(value)) pairs.push([`${name}.${key}`, String(on)]);
    }
    return pairs;
  };

  class Form extends Crowd {
    build() {
      const target = `${(given.get("turkSubmitTo") || "").replace(/\/+$/, "")}/mturk/externalSubmit`;
      this.form = this.querySelector("form") || make("form", {});
      Object.assign(this.form, { method: "post", action: target });
      if (!this.contains(this.form)) {
        this.form.append(...this.childNodes);
        this.append(this.form);
      }
      // Its buttons build themselves in their own time; a form without any gets one.
      complete(() => setTimeout(() => this.finish(), 0));
      // After the page's own listeners, which sit on this element or on the form and may prevent it.
      window.addEventListener("submit", (event) => {
        if (event.target === this.form && !event.defaultPrevented) this.hand(event);
      });
    }
    finish() {
      const buttons = "crowd-button:not([form-action=none]):not([form-action=reset]), button:not([type]), " +
        "button[type=submit], input[type=submit]";
      const own = Array.from(this.form.querySelectorAll(buttons));
      if (own.length === 0) {
        own.push(make("button", { type: "submit" }, "Submit"));
        this.form.append(own[0]);
      }
      if (!preview) return;
      own.forEach((button) => { button.disabled = true; });
      this.form.append(make("p", { class: "crowd-note" }, "Accept the HIT to submit it."));
    }
    hand(event) {
      event.preventDefault();
      const said = answers(this.form);
      delete said.assignmentId;
      const flatten = this.getAttribute("answer-format") === "flatten-objects";
      const pairs = flatten ? flat(said) : [["taskAnswers", JSON.stringify([said])]];
      if (pairs.length === 0) pairs.push(["submitted", "true"]);
      const sent = make("form", { method: "post", action: this.form.action, hidden: "" });
      for (const [name, value] of [["assignmentId", assignment], ...pairs]) {
        sent.append(make("input", { type: "hidden", name, value }));
      }
      document.body.append(sent);
      sent.submit();
    }
    submit() { this.form?.requestSubmit(); }
    reset() { this.form?.reset(); }
  }

  const elements = {
    "crowd-form": Form,
    "crowd-button": Button,
    "crowd-input": Input,
    "crowd-text-area": TextArea,
    "crowd-checkbox": Checkbox,
    "crowd-radio-group": RadioGroup,
    "crowd-radio-button": RadioButton,
    "crowd-slider": Slider,
    "crowd-instructions": Instructions,
    "crowd-alert": Alert,
    "crowd-card": Card,
  };
  for (const [name, element] of Object.entries(elements)) customElements.define(name, element);

  const STYLE = `crowd-form, crowd-instructions, crowd-alert, crowd-card, crowd-input, crowd-text-area, crowd-slider,
    crowd-radio-group { display: block; margin-block: .75rem; }
    crowd-input > label, crowd-text-area > label, crowd-slider > label { display: block; margin-bottom: .25rem; }
    crowd-input > input, crowd-text-area > textarea { box-sizing: border-box; width: 100%; max-width: 40rem; font: inherit; padding: .5rem; }
    .crowd-tick { display: inline-flex; gap: .5rem; align-items: baseline; padding-block: .25rem; }
    crowd-form button { font: inherit; padding: .5rem 1.25rem; min-height: 2.75rem; }
    crowd-card, crowd-alert { border: 1px solid #888; border-radius: .5rem; padding: .75rem 1rem; }
    crowd-alert { border-left-width: .4rem; }`;

  // An element that we do not have is said, since a page without it may look whole and hand in nothing.
  complete(() => {
    document.head.prepend(make("style", {}, STYLE));
    const strange = Array.from(document.querySelectorAll("*"), (element) => element.localName)
      .filter((name) => name.startsWith("crowd-") && !(name in elements) && !customElements.get(name));
    if (strange.length === 0) return;
    const names = Array.from(new Set(strange), (name) => `<${name}>`).join(", ");
    const words = `This page uses ${names}, which this marketplace does not have. If you cannot do the task, please return the HIT.`;
    document.body.prepend(make("p", { role: "alert", class: "crowd-missing" }, words));
  });
})();
