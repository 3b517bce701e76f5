// The passes to step through, each as what it changed.

let pass = 0;

function passCounts(entry) {
  const counts = [["changed", "~"], ["added", "+"], ["removed", "−"]].filter(([name]) => entry[name] > 0);
  if (counts.length === 0) return el("span", {class: "dim"}, "no change");
  return el("span", {class: "counts"}, counts.map(([name, sign]) => el("span", {class: name}, sign + entry[name])));
}

// Which words of two lines differ: pieces of each as [text, marked].
function wordDifference(before, after) {
  const words = text => text.match(/\w+|\s+|[^\w\s]/g) || [];
  const a = words(before), b = words(after);
  let head = 0, tail = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) ++head;
  while (tail < a.length - head && tail < b.length - head && a[a.length - 1 - tail] === b[b.length - 1 - tail]) ++tail;
  const middleA = a.slice(head, a.length - tail), middleB = b.slice(head, b.length - tail);
  const keptA = middleA.map(() => false), keptB = middleB.map(() => false);
  const rows = middleA.length + 1, columns = middleB.length + 1;
  // Of very long lines the whole middle is marked.
  if (rows * columns <= 250000) {
    const longest = new Uint16Array(rows * columns);
    for (let i = rows - 2; i >= 0; --i)
      for (let j = columns - 2; j >= 0; --j)
        longest[i * columns + j] = middleA[i] === middleB[j] ? longest[(i + 1) * columns + j + 1] + 1 :
          Math.max(longest[(i + 1) * columns + j], longest[i * columns + j + 1]);
    for (let i = 0, j = 0; i < middleA.length && j < middleB.length;) {
      if (middleA[i] === middleB[j]) keptA[i++] = keptB[j++] = true;
      else if (longest[(i + 1) * columns + j] >= longest[i * columns + j + 1]) ++i;
      else ++j;
    }
  }
  const pieces = (all, kept) => {
    const list = [[all.slice(0, head).join(""), false]];
    kept.forEach((same, k) => {
      const word = all[head + k];
      const last = list[list.length - 1];
      if (last[1] === !same) last[0] += word;
      else list.push([word, !same]);
    });
    list.push([all.slice(all.length - tail).join(""), false]);
    return list;
  };
  return [pieces(a, keptA), pieces(b, keptB)];
}

// The source line that a line of a dump is of: its last location is the statement's own.
function diffItem(text) {
  const places = [...text.matchAll(/ loc\("([^"\\]*)":(\d+):/g)];
  const last = places[places.length - 1];
  return last ? lineItem({file: last[1], line: Number(last[2])}) : null;
}

function diffLine(kind, before, after, text, content) {
  const line = el("div", {class: "diff " + kind}, el("span", {class: "no"}, before ? String(before) : ""), el("span", {class: "no"}, after ? String(after) : ""),
    el("span", {class: "sign"}, kind === "added" ? "+" : kind === "removed" ? "−" : ""), el("span", {class: "text"}, content));
  const item = diffItem(text);
  return item ? tag(line, item) : line;
}

function marked(pieces) {
  return pieces.map(([text, mark]) => mark ? el("mark", {}, text) : text);
}

function drawHunk(hunk) {
  const lines = [];
  let {before, after} = hunk;
  for (const [kind, first, second] of hunk.lines) {
    if (kind === " ") {
      lines.push(diffLine("same", before++, after++, first, first));
    } else if (kind === "-") {
      lines.push(diffLine("removed", before++, 0, first, first));
    } else if (kind === "+") {
      lines.push(diffLine("added", 0, after++, first, first));
    } else {
      const [old, next] = wordDifference(first, second);
      lines.push(diffLine("removed", before++, 0, first, marked(old)), diffLine("added", 0, after++, second, marked(next)));
    }
  }
  return el("div", {class: "hunk"}, lines);
}

function showPass(number) {
  pass = Math.max(0, Math.min(number, data.passes.length - 1));
  const entry = data.passes[pass];
  document.querySelectorAll("#pass-list button").forEach((button, p) => {
    button.classList.toggle("chosen", p === pass);
    if (p === pass) button.scrollIntoView({block: "nearest"});
  });
  document.getElementById("pass-back").disabled = pass === 0;
  document.getElementById("pass-on").disabled = pass + 1 === data.passes.length;
  document.getElementById("pass-title").replaceChildren(el("b", {}, entry.name), " ", el("span", {class: "dim"}, entry.meaning));
  const made = data.decisions.map((decision, d) => d).filter(d => data.decisions[d].pass === entry.name);
  const body = document.getElementById("pass-body");
  forget(body);
  body.replaceChildren(
    ...(entry.hunks.length === 0 ? [el("p", {class: "hint"}, "Nothing: there was nothing for this pass to do.")] : entry.hunks.map(drawHunk)));
  if (made.length > 0 && entry.hunks.length > 0)
    body.prepend(el("p", {class: "hint"}, made.length === 1 ? "It recorded one decision, which is at the end." : `It recorded ${made.length} decisions, which are at the end.`));
  body.scrollTop = 0;
  relight();
}

function drawPasses() {
  const list = el("div", {id: "pass-list", class: "scroll"});
  data.passes.forEach((entry, p) => {
    const idle = entry.hunks.length === 0;
    const button = el("button", {class: idle ? "idle" : ""}, el("span", {class: "no"}, String(p + 1)), el("span", {class: "grow"}, entry.name), passCounts(entry));
    button.addEventListener("click", () => showPass(p));
    list.append(button);
  });
  const back = el("button", {id: "pass-back", title: "The pass before (left arrow)"}, "← Previous");
  const on = el("button", {id: "pass-on", title: "The next pass (right arrow)"}, "Next →");
  back.addEventListener("click", () => showPass(pass - 1));
  on.addEventListener("click", () => showPass(pass + 1));
  document.addEventListener("keydown", event => {
    if (view !== "passes" || event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key === "ArrowLeft") showPass(pass - 1);
    if (event.key === "ArrowRight") showPass(pass + 1);
  });
  document.querySelector("[data-view=passes]").append(list,
    el("div", {class: "column"}, el("div", {class: "bar"}, el("span", {id: "pass-title"}), back, on),
      el("div", {id: "pass-body", class: "scroll code follow"})));
  const first = data.passes.findIndex(entry => entry.hunks.length > 0);
  if (data.passes.length > 0) showPass(Math.max(0, first));
}
