(function () {
  'use strict';
  var settings = "SETTINGS";
  var query = new URLSearchParams(location.search);
  var assignment = query.get('assignmentId') || '';
  var accepted = assignment !== '' && assignment !== 'ASSIGNMENT_ID_NOT_AVAILABLE';
  var fields = {
    'CROWD-INPUT': ['input', ''],
    'CROWD-TEXT-AREA': ['textarea', ''],
    'CROWD-CHECKBOX': ['input', 'checkbox'],
    'CROWD-RADIO-BUTTON': ['input', 'radio'],
    'CROWD-BUTTON': ['button', 'submit']
  };

  function point(link) {
    if (!accepted) {
      link.removeAttribute('href');
      link.title = 'This link opens once you have accepted the HIT.';
      return;
    }
    link.href = settings.door + (settings.door.indexOf('?') < 0 ? '?' : '&') + query.toString();
    link.target = '_blank';
    link.rel = 'noopener';
  }

  // A crowd element becomes the plain one that browsers know.
  function plain(element) {
    var kind = fields[element.tagName];
    var field = document.createElement(kind[0]);
    if (kind[1]) field.type = kind[1];
    ['name', 'value', 'placeholder', 'required', 'pattern', 'rows'].forEach(function (name) {
      if (element.hasAttribute(name)) field.setAttribute(name, element.getAttribute(name));
    });
    if (kind[0] === 'button') {
      field.append.apply(field, element.childNodes);
      element.replaceWith(field);
      return;
    }
    if (element.tagName === 'CROWD-INPUT' && element.hasAttribute('type')) field.type = element.getAttribute('type');
    var label = document.createElement('label');
    var text = document.createElement('span');
    if (element.hasAttribute('label')) text.textContent = element.getAttribute('label') + ' ';
    else text.append.apply(text, element.childNodes);
    if (kind[1]) label.append(field, ' ', text);
    else label.append(text, field);
    element.replaceWith(label);
  }

  function formOf(host) {
    var form = document.createElement('form');
    form.append.apply(form, host.childNodes);
    if (host === document.body) host.append(form);
    else host.replaceWith(form);
    return form;
  }

  function hide(form, name, value) {
    var field = form.querySelector('input[name="' + name + '"]') || document.createElement('input');
    field.type = 'hidden';
    field.name = name;
    field.value = value;
    form.append(field);
  }

  // Only a known site gets the form, whatever the address of the frame says.
  function target() {
    var given = (query.get('turkSubmitTo') || '').replace(/\/+$/, '');
    var known = settings.sites.map(function (site) { return site.replace(/\/+$/, ''); });
    return (known.indexOf(given) < 0 ? known[0] || '' : given) + '/mturk/externalSubmit';
  }

  function ready() {
    document.querySelectorAll('a.otree-link').forEach(point);
    // A site that has these elements itself makes their forms submit; a plain form is left to us.
    if (document.querySelector('crowd-form') && window.customElements && customElements.get('crowd-form')) return;
    document.querySelectorAll(Object.keys(fields).join(',')).forEach(plain);
    var form = document.querySelector('form') || formOf(document.querySelector('crowd-form') || document.body);
    form.setAttribute('method', 'post');
    form.setAttribute('action', target());
    if (!form.querySelector('[name]')) hide(form, 'finished', 'yes');
    hide(form, 'assignmentId', assignment);
    var buttons = 'button:not([type=button]):not([type=reset]), input[type=submit], input[type=image]';
    if (!form.querySelector(buttons)) {
      var button = document.createElement('button');
      button.textContent = 'Submit';
      form.append(button);
    }
    form.querySelectorAll(buttons).forEach(function (button) {
      button.disabled = !accepted;
      if (!accepted) button.title = 'Accept the HIT to submit it.';
    });
  }

  if (document.readyState === 'loading') document.addEventListener('DOMContentLoaded', ready);
  else ready();
})();
