// What every view uses: the data, DOM elements, numbers as people read them, and coloured text.

const data = JSON.parse(document.getElementById("data").textContent);
const partNames = ["forward", "backward", "update"];

// An element with attributes and children. Texts become text nodes, so nothing in the data is markup.
function el(tag, attributes, ...children) {
  const element = document.createElement(tag);
  return fill(element, attributes, children);
}

function svg(tag, attributes, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {}))
    if (value !== undefined && value !== null && value !== false) element.setAttribute(name, value);
  for (const child of children.flat())
    if (child !== undefined && child !== null) element.append(child);
  return element;
}

function byteText(bytes) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  while (bytes >= 1024 && unit + 1 < units.length) {
    bytes /= 1024;
    ++unit;
  }
  return (unit === 0 || bytes >= 100 ? Math.round(bytes) : bytes.toPrecision(3)) + " " + units[unit];
}

function countText(count, unit) {
  const scales = [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"]];
  for (const [scale, letter] of scales)
    if (count >= scale) {
      const scaled = count / scale;
      return (scaled >= 100 ? Math.round(scaled) : scaled.toPrecision(3)) + " " + letter + unit;
    }
  return +count.toPrecision(3) + " " + unit;
}

function percentText(share) {
  if (share === 0) return "0 %";
  return share < 0.001 ? "< 0.1 %" : (100 * share).toFixed(1) + " %";
}

function placeText(place) {
  return place ? place.file + ":" + place.line + ":" + place.column : "";
}

// The line of the model that a kernel is of, without the folder.
function shortPlace(kernel) {
  const place = data.statements[kernel.statements[0]].call || kernel.place;
  return place ? place.file.slice(place.file.lastIndexOf("/") + 1) + ":" + place.line : "";
}

function valueTitle(v) {
  const value = data.values[v];
  return value.name + " : " + value.type;
}

function partBadge(part) {
  return el("span", {class: "badge " + part}, part);
}

// The words of the language, of kernels and of dumps, coloured. `rules` is tried in order at each place.
const wordRules = [
  ["comment", /#.*/y],
  ["string", /"(?:[^"\\]|\\.)*"/y],
  ["keyword", new RegExp("\\b(?:model|input|output|data|split|field|train|with|loss|metric|optimizer|phase|schedule|op|layer|param|state|" +
    "let|if|else|for|in|return|repeat|import|use|scan|grad|kernel|comment|flops|memory|scratch|axes|tile|parallel|unroll|until|" +
    "overlap|step|store|load|over|index|fold|lanes|where)\\b", "y")],
  ["number", /\b\d+(?:\.\d+)?(?:e[+-]?\d+)?\b/y],
  ["", /[A-Za-z_][\w.]*|\s+|./y],
];

function colored(text) {
  const parts = [];
  let plain = "";
  for (let at = 0; at < text.length;) {
    for (const [name, rule] of wordRules) {
      rule.lastIndex = at;
      const match = rule.exec(text);
      if (!match) continue;
      if (name) {
        if (plain) parts.push(plain);
        plain = "";
        parts.push(el("span", {class: "w-" + name}, match[0]));
      } else {
        plain += match[0];
      }
      at += match[0].length;
      break;
    }
  }
  if (plain) parts.push(plain);
  return parts;
}

function showTip(event, ...lines) {
  const tip = document.getElementById("tip");
  tip.replaceChildren(...lines);
  tip.hidden = false;
  const box = tip.getBoundingClientRect();
  tip.style.left = Math.max(4, Math.min(event.clientX + 14, innerWidth - box.width - 8)) + "px";
  tip.style.top = Math.max(4, Math.min(event.clientY + 16, innerHeight - box.height - 8)) + "px";
}

function hideTip() {
  document.getElementById("tip").hidden = true;
}
