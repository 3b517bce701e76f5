// The source at the left with the inspector below it, and the view of statements, kernels and assembly.

function drawSource() {
  const pane = document.getElementById("source");
  pane.classList.add("follow");
  const choice = document.getElementById("files");
  const shares = new Map(); // of the arithmetic, by the line that a kernel is of
  for (const kernel of data.kernels)
    for (const item of new Set([lineItem(kernel.place), lineItem(data.statements[kernel.statements[0]].call)]))
      if (item) shares.set(item, (shares.get(item) || 0) + kernel.flop_share);
  data.sources.forEach((source, s) => {
    choice.append(el("option", {value: s}, source.file));
    const list = el("div", {class: "file", "data-file": s});
    const lines = source.text.replace(/\n$/, "").split("\n");
    lines.forEach((text, l) => {
      const item = "source:" + s + ":" + (l + 1);
      const share = shares.get(item) || 0;
      const line = el("div", {class: "line"}, el("span", {class: "no"}, String(l + 1)),
        share >= 0.0005 ? el("span", {class: "share", title: "of the arithmetic", style: `--share:${share.toFixed(3)}`}, percentText(share)) :
          el("span", {class: "share"}),
        el("span", {class: "text"}, colored(text)));
      if (lineStatements.has(item) || lineValues.has(item)) line.classList.add("linked");
      list.append(tag(line, "source", s, l + 1));
    });
    if (source.text === "") list.append(el("p", {class: "hint"}, "This file could not be read again."));
    pane.append(list);
  });
  const choose = () => {
    for (const list of pane.children) list.hidden = list.dataset.file !== choice.value;
    pane.scrollTop = 0;
  };
  choice.addEventListener("change", choose);
  choice.disabled = data.sources.length === 1;
  choose();
}

function fact(name, value) {
  return el("div", {class: "fact"}, el("span", {}, name), el("b", {}, value));
}

function kernelRow(k) {
  const kernel = data.kernels[k];
  return tag(el("div", {class: "row"}, el("span", {class: "dot " + kernel.part}), el("span", {class: "no"}, String(k)),
    el("span", {class: "grow"}, kernel.region), el("span", {class: "dim"}, percentText(kernel.flop_share))), "kernel", k);
}

function valueRow(v) {
  const value = data.values[v];
  const where = value.memory ? byteText(value.memory.bytes) + " at " + value.memory.offset :
    value.replaces !== undefined ? "in place of " + data.values[value.replaces].name : "";
  return tag(el("div", {class: "row"}, el("span", {class: "grow mono"}, valueTitle(v)), el("span", {class: "dim"}, where)), "value", v);
}

function decisionCard(d) {
  const decision = data.decisions[d];
  return tag(el("div", {class: "decision"},
    el("div", {}, el("span", {class: "mono"}, decision.what), " → ", el("b", {}, decision.chosen),
      el("span", {class: "pass"}, decision.pass)),
    el("div", {class: "reason"}, decision.reason)), "decision", d);
}

function showInspector(subject, parts) {
  const inspector = document.getElementById("inspector");
  forget(inspector);
  document.getElementById("subject").textContent = subject;
  inspector.replaceChildren(...parts.filter(part => part !== null));
}

function titled(title, rows) {
  return rows.length > 0 ? el("div", {class: "group"}, el("h3", {}, title), rows) : null;
}

function inspect(item, found) {
  const kernels = [...found.kernels].sort((a, b) => a - b);
  const [kind, first, second] = item.split(":");
  const name = kind === "source" ? "Line " + second : kind[0].toUpperCase() + kind.slice(1) + " " + first;
  const parts = [];
  const statement = kind === "statement" ? data.statements[Number(first)] : null;
  if (statement) parts.push(el("div", {class: "head mono"}, el("b", {}, data.values[statement.value].name), " = " + statement.op));
  if (kernels.length === 1 && kind !== "value") {
    const kernel = data.kernels[kernels[0]];
    parts.push(el("div", {class: "head"}, el("b", {}, kernel.region), " ", partBadge(kernel.part)),
      el("div", {class: "facts"}, fact("arithmetic", countText(kernel.flop, "FLOP")), fact("of all", percentText(kernel.flop_share)),
        fact("memory", byteText(kernel.bytes)), fact("FLOP/byte", String(+kernel.intensity.toPrecision(3))),
        fact("place", placeText(kernel.place))));
  } else if (kind === "value") {
    const value = data.values[Number(first)];
    if (value) parts.push(el("div", {class: "head mono"}, el("b", {}, value.name)), el("div", {class: "facts"}, fact("type", value.type),
      fact("role", value.role), fact("layout", value.layout || "none"), fact("place", placeText(value.place))));
  }
  if (kernels.length > 1) {
    const share = kernels.reduce((sum, k) => sum + data.kernels[k].flop_share, 0);
    parts.push(el("div", {class: "head"}, `${kernels.length} kernels, ${percentText(share)} of the arithmetic`));
  }
  if (kernels.length !== 1 || kind === "value") parts.push(titled("Kernels", kernels.map(kernelRow)));
  if (found.readers.size > 0) parts.push(titled("Read by", [...found.readers].sort((a, b) => a - b).map(kernelRow)));
  parts.push(titled("Decisions", [...found.decisions].map(decisionCard)));
  const stored = [...found.values].filter(v => data.values[v].memory || data.values[v].replaces !== undefined);
  parts.push(titled("In memory", stored.map(valueRow)));
  if (kernels.length === 0 && parts.every(part => part === null))
    parts.push(el("p", {class: "hint"}, "Nothing was made of this line, or all of it became part of other lines' kernels."));
  showInspector(name, parts);
}

function showOverview() {
  const parts = partNames.map(part => {
    const own = data.kernels.filter(kernel => kernel.part === part);
    if (own.length === 0) return null;
    const share = own.reduce((sum, kernel) => sum + kernel.flop_share, 0);
    return el("div", {class: "row"}, el("span", {class: "dot " + part}), el("span", {class: "grow"}, `${part}, ${own.length} kernels`),
      el("span", {class: "dim"}, percentText(share)));
  }).filter(row => row);
  const most = data.kernels.map((kernel, k) => k).sort((a, b) => data.kernels[b].flop - data.kernels[a].flop || a - b).slice(0, 8);
  showInspector("Overview", [titled("Arithmetic", parts), titled("The most of it", most.map(kernelRow)),
    el("p", {class: "hint"}, "Hover anything to see what belongs to it. Click to keep it, Escape to let it go.")]);
}

function codeColumn(title, sections) {
  const body = el("div", {class: "scroll code follow"}, sections);
  return el("div", {class: "column"}, el("div", {class: "bar"}, el("span", {class: "heading"}, title)), body);
}

function kernelHeading(kernels) {
  const [first] = kernels;
  const kernel = data.kernels[first];
  const others = kernels.length > 1 ? ` and ${kernels.length - 1} more alike: ${kernels.slice(1).join(", ")}` : "";
  return el("div", {class: "title"}, el("span", {class: "dot " + kernel.part}), el("span", {class: "no"}, kernels.length > 1 ? first + "+" : String(first)),
    kernel.region, el("span", {class: "dim"}, others));
}

function statementEntry(n) {
  const statement = data.statements[n], value = data.values[statement.value];
  const attributes = Object.entries(statement.attributes).map(([name, given]) => name + " = " + JSON.stringify(given)).join(", ");
  return tag(el("div", {class: "statement"},
    el("div", {class: "signature"}, el("b", {}, value.name), " : " + value.type + " = " + statement.op,
      attributes ? el("span", {class: "dim"}, " {" + attributes + "}") : null),
    el("div", {class: "body", title: statement.text.length > 300 ? statement.text : null}, colored(shortened(statement.text, 300)))), "statement", n);
}

function listing(kernels, kind, text, content) {
  const lines = text.replace(/\n$/, "").split("\n").length;
  return el("div", {class: "part listing " + kind, style: "--lines:" + lines}, kernelHeading(kernels), el("pre", {}, content));
}

function drawCode() {
  const view = document.querySelector("[data-view=code]");
  const statements = data.kernels.map((kernel, k) =>
    tag(el("div", {class: "part"}, kernelHeading([k]), kernel.statements.map(statementEntry)), "kernel", k));
  const kernels = data.kernels.map((kernel, k) =>
    tag(listing([k], "", kernel.text, colored(kernel.text)), "kernel", k));
  view.append(codeColumn("Statements", statements), codeColumn("Kernels", kernels));
  if (data.assembly === null) {
    view.append(codeColumn("Assembly", [el("p", {class: "hint"}, "This build of Striate has no CPU back end (-DSTRIATE_LLVM=OFF), so there is no machine code to show.")]));
    return;
  }
  const assembly = data.assembly.map(entry => {
    const part = tag(listing(entry.kernels, "asm", entry.text, entry.text), "kernel", entry.kernels[0]);
    for (const k of entry.kernels.slice(1)) also(part, "kernel:" + k);
    return part;
  });
  view.append(codeColumn("Assembly, " + data.cpu, assembly));
}
