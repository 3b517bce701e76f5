// What belongs together: lines of the source, statements, kernels, values and decisions. An element that
// stands for one of them has the attribute data-item ("kernel:3", "source:0:6"); hovering it lights all that
// belongs to it in every view, a click keeps it lit. The address's fragment does the same: #hover=source:6,
// #pin=kernel:3, #view=memory.

const shown = new Map(); // "kernel:3" -> its elements
let hovered = null;
let pinned = null;
let lit = [];

function tag(element, kind, ...ids) {
  const item = [kind, ...ids].join(":");
  element.dataset.item = item;
  also(element, item);
  return element;
}

// An element that lights with another item, too.
function also(element, item) {
  if (!shown.has(item)) shown.set(item, []);
  shown.get(item).push(element);
}

// Elements within `root` that are about to go must not stay among what can be lit.
function forget(root) {
  for (const element of root.querySelectorAll("[data-item]")) {
    const list = shown.get(element.dataset.item);
    const place = list ? list.indexOf(element) : -1;
    if (place >= 0) list.splice(place, 1);
  }
}

const sourceNumbers = new Map(data.sources.map((source, number) => [source.file, number]));

function lineItem(place) {
  return place && sourceNumbers.has(place.file) ? "source:" + sourceNumbers.get(place.file) + ":" + place.line : null;
}

// What each line made, by item: what is written there, and what a layer that it calls is made of.
const lineStatements = new Map();
const lineKernels = new Map();
const lineValues = new Map();
for (const [list, map] of [[data.statements, lineStatements], [data.kernels, lineKernels], [data.values, lineValues]])
  list.forEach((entry, number) => {
    for (const item of new Set([lineItem(entry.place), lineItem(entry.call)])) {
      if (!item) continue;
      if (!map.has(item)) map.set(item, []);
      map.get(item).push(number);
    }
  });

// What an address names, or null. A line of the program itself needs no file.
function writtenItem(text) {
  if (!/^(source(:\d+)?|kernel|statement|value|decision):\d+$/.test(text)) return null;
  const [kind, ...ids] = text.split(":");
  return kind === "source" && ids.length === 1 ? "source:0:" + ids[0] : text;
}

function related(item) {
  const found = {kernels: new Set(), readers: new Set(), statements: new Set(), values: new Set(), lines: new Set(), decisions: new Set()};
  const [kind, ...ids] = item.split(":");
  const id = Number(ids[0]);
  const addStatement = n => {
    const statement = data.statements[n];
    if (!statement) return;
    found.statements.add(n);
    found.kernels.add(statement.kernel);
    found.values.add(statement.value);
    for (const line of [lineItem(statement.place), lineItem(statement.call)]) if (line) found.lines.add(line);
  };
  const addKernel = k => {
    if (!data.kernels[k]) return;
    found.kernels.add(k);
    data.kernels[k].statements.forEach(addStatement);
  };
  const addValue = v => {
    const value = data.values[v];
    if (!value) return;
    found.values.add(v);
    const line = lineItem(value.place);
    if (line) found.lines.add(line);
    if (value.statement >= 0) addStatement(value.statement);
    value.readers.forEach(k => found.readers.add(k));
  };
  if (kind === "source") {
    (lineStatements.get(item) || []).forEach(addStatement);
    (lineKernels.get(item) || []).forEach(k => found.kernels.add(k));
    (lineValues.get(item) || []).forEach(v => found.values.add(v));
    found.lines = new Set([item]);
  } else if (kind === "kernel") {
    addKernel(id);
  } else if (kind === "statement") {
    addStatement(id);
  } else if (kind === "value") {
    addValue(id);
  } else if (kind === "decision" && data.decisions[id]) {
    data.decisions[id].kernels.forEach(addKernel);
    data.decisions[id].values.forEach(addValue);
    found.readers.clear();
    found.decisions.add(id);
  }
  if (kind !== "decision")
    data.decisions.forEach((decision, d) => {
      const ofKernel = decision.kernels.some(k => found.kernels.has(k));
      // A parameter's own decision concerns the kernels that read it.
      const ofValue = decision.values.some(v => found.values.has(v) ||
        [...found.kernels].some(k => data.values[v].role !== "computed" && data.kernels[k].reads.includes(v)));
      if (ofKernel || ofValue) found.decisions.add(d);
    });
  return found;
}

function light(item) {
  for (const [element, name] of lit) element.classList.remove(name);
  lit = [];
  if (item === null) {
    document.body.classList.remove("lighting");
    showOverview();
    return;
  }
  const found = related(item);
  const add = (name, kind, numbers) => {
    for (const number of numbers)
      for (const element of shown.get(kind ? kind + ":" + number : number) || []) {
        element.classList.add(name);
        lit.push([element, name]);
      }
  };
  add("lit", "kernel", found.kernels);
  add("lit", "statement", found.statements);
  add("lit", "value", found.values);
  add("lit", "decision", found.decisions);
  add("lit", "", found.lines);
  document.body.classList.toggle("lighting", found.kernels.size + found.values.size > 0);
  add("near", "kernel", [...found.readers].filter(k => !found.kernels.has(k)));
  inspect(item, found);
}

// Again, where elements were made anew.
function relight() {
  const item = pinned !== null ? pinned : hovered;
  if (item !== null) light(item);
}

// Brings what is lit into the middle of every pane but the one that was used.
function reveal(except) {
  const panes = new Map();
  for (const [element, name] of lit) {
    const pane = element.closest(".follow");
    if (name === "lit" && pane && !panes.has(pane)) panes.set(pane, element);
  }
  for (const [pane, element] of panes) {
    if (pane === except || pane.getBoundingClientRect().height === 0) continue;
    if (pane.id === "graph") {
      revealInGraph(false);
      continue;
    }
    const box = element.getBoundingClientRect(), frame = pane.getBoundingClientRect();
    if (box.top >= frame.top && box.top < frame.bottom - Math.min(box.height, 80)) continue;
    const room = Math.max(24, (frame.height - box.height) / 3);
    pane.scrollTop += box.top - frame.top - room;
  }
}

let revealing = 0;

function hover(item, from) {
  if (item === hovered) return;
  hovered = item;
  clearTimeout(revealing);
  if (pinned !== null) return;
  light(item);
  // A glance past a line must not move the other panes.
  if (item !== null) revealing = setTimeout(() => reveal(from ? from.closest(".follow") : null), 250);
}

function pin(item, from) {
  pinned = item === pinned ? null : item;
  document.getElementById("unpin").hidden = pinned === null;
  light(pinned === null ? hovered : pinned);
  if (pinned !== null) reveal(from ? from.closest(".follow") : null);
  rememberFragment();
}

function startLinks() {
  const itemOf = event => event.target instanceof Element ? event.target.closest("[data-item]") : null;
  document.addEventListener("mouseover", event => {
    const element = itemOf(event);
    if (element) hover(element.dataset.item, element);
    else if (!(event.target instanceof Element && event.target.closest("aside"))) hover(null, null);
  });
  document.addEventListener("click", event => {
    const element = itemOf(event);
    if (!element || dragged || String(getSelection())) return;
    pin(element.dataset.item, element);
  });
  document.addEventListener("keydown", event => {
    if (event.key === "Escape" && pinned !== null) pin(pinned, null);
  });
  document.getElementById("unpin").addEventListener("click", () => pin(pinned, null));
}

function fragment() {
  return new URLSearchParams(location.hash.slice(1));
}

function rememberFragment() {
  const parts = ["view=" + view];
  if (pinned !== null) parts.push("pin=" + pinned);
  history.replaceState(null, "", "#" + parts.join("&"));
}

function followFragment() {
  const asked = fragment();
  showView(asked.get("view"));
  const kept = writtenItem(asked.get("pin") || ""), seen = writtenItem(asked.get("hover") || "");
  pinned = null;
  if (kept !== null) {
    pin(kept, null);
  } else if (seen !== null) {
    hover(seen, null);
    reveal(null);
  }
}
