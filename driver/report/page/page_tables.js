// Costs, the memory timeline, decisions.

let costOrder = "number";

function drawCost() {
  const view = document.querySelector("[data-view=cost]");
  const columns = [["number", "#"], ["region", "kernel"], ["flop", "arithmetic"], ["flop_share", "share"], ["bytes", "memory"],
    ["bytes_share", "share"], ["intensity", "FLOP per byte"]];
  const most = {flop: 0, bytes: 0, intensity: 0};
  for (const kernel of data.kernels) for (const name of Object.keys(most)) most[name] = Math.max(most[name], kernel[name]);
  const bar = (kind, share) => el("span", {class: "meter " + kind}, el("i", {style: `width:${(100 * share).toFixed(2)}%`}));
  const rows = data.kernels.map((kernel, k) => {
    const row = el("div", {class: "tr " + kernel.part, role: "row"}, el("span", {class: "no"}, String(k)),
      el("span", {class: "name"}, el("span", {class: "dot " + kernel.part}), el("span", {}, kernel.region), el("span", {class: "dim"}, shortPlace(kernel))),
      el("span", {class: "cell"}, bar(kernel.part, most.flop > 0 ? kernel.flop / most.flop : 0), el("span", {class: "amount"}, countText(kernel.flop, "FLOP"))),
      el("span", {class: "figure"}, percentText(kernel.flop_share)),
      el("span", {class: "cell"}, bar("bytes", most.bytes > 0 ? kernel.bytes / most.bytes : 0), el("span", {class: "amount"}, byteText(kernel.bytes))),
      el("span", {class: "figure"}, percentText(kernel.bytes_share)),
      el("span", {class: "cell"}, bar("plain", most.intensity > 0 ? Math.log1p(kernel.intensity) / Math.log1p(most.intensity) : 0),
        el("span", {class: "amount"}, String(+kernel.intensity.toPrecision(3)))));
    return [k, tag(row, "kernel", k)];
  });
  const body = el("div", {class: "scroll follow", role: "rowgroup"});
  const heads = new Map();
  const sort = name => {
    costOrder = name;
    const text = name === "region", rising = name === "number" || text;
    rows.sort(([a], [b]) => {
      const [x, y] = name === "number" ? [a, b] : [data.kernels[a][name], data.kernels[b][name]];
      return (x < y ? -1 : x > y ? 1 : 0) * (rising ? 1 : -1) || a - b;
    });
    body.replaceChildren(...rows.map(([, row]) => row));
    for (const [other, head] of heads) head.classList.toggle("chosen", other === name);
  };
  const head = el("div", {class: "tr head", role: "row"}, columns.map(([name, title]) => {
    const button = el("button", {}, title);
    button.addEventListener("click", () => sort(name));
    heads.set(name, button);
    return button;
  }));
  const total = data.kernels.reduce((sum, kernel) => ({flop: sum.flop + kernel.flop, bytes: sum.bytes + kernel.bytes}), {flop: 0, bytes: 0});
  view.append(el("p", {class: "note"}, `One run at ${data.capacity} examples: `, el("b", {}, countText(total.flop, "FLOP")), ", and kernels that span ",
    el("b", {}, byteText(total.bytes)), " of memory. A kernel's memory counts each element of its buffers once, however often it is read. ",
    "Bars of FLOP per byte are logarithmic. Click a heading to sort."), el("div", {class: "table cost", role: "table"}, head, body));
  sort("number");
}

function memoryKind(value) {
  if (value.role !== "computed") return value.role;
  return value.kernel >= 0 ? data.statements[value.statement].part : "forward";
}

let wholeArena = true;

function drawMemory() {
  const view = document.querySelector("[data-view=memory]");
  const memory = data.memory;
  const peak = data.kernels[memory.peak_kernel];
  const toggle = el("button", {}, "Working memory only");
  const chart = svg("svg", {id: "timeline"});
  toggle.addEventListener("click", () => {
    wholeArena = !wholeArena;
    toggle.classList.toggle("chosen", !wholeArena);
    plotMemory(chart);
  });
  const used = new Set(data.values.filter(value => value.memory).map(memoryKind));
  const kinds = ["parameter", "state", "input", ...partNames].filter(kind => used.has(kind));
  view.append(el("div", {class: "note"}, "Arena ", el("b", {}, byteText(memory.arena_bytes)), ". Peak of what lives at once ",
    el("b", {}, byteText(memory.peak_bytes)), peak ? ` in kernel ${memory.peak_kernel}, ` : "", peak ? el("b", {}, peak.region) : "", ". ",
    el("span", {class: "legend"}, kinds.map(kind => el("span", {}, el("span", {class: "dot " + kind}), kind))), toggle),
    el("div", {id: "plot"}, chart));
  new ResizeObserver(() => plotMemory(chart)).observe(document.getElementById("plot"));
}

function niceStep(span, count) {
  let step = 1;
  while (span / step > count) step *= 2;
  return step;
}

function plotMemory(chart) {
  const box = document.getElementById("plot").getBoundingClientRect();
  if (box.width < 50 || box.height < 50) return;
  const left = 76, right = 16, top = 12, foot = 34, strip = 70, gap = 26;
  const width = box.width - left - right, height = box.height - top - foot - strip - gap;
  const count = Math.max(1, data.kernels.length);
  const kept = data.values.filter(value => value.memory && (value.role === "parameter" || value.role === "state"));
  const low = wholeArena ? 0 : Math.max(0, ...kept.map(value => value.memory.offset + value.memory.bytes));
  const high = Math.max(low + 1, data.memory.arena_bytes);
  const x = k => left + width * k / count;
  const y = bytes => top + strip + gap + height * (high - bytes) / (high - low);
  forget(chart);
  const parts = [];
  const step = niceStep(high - low, 9);
  for (let bytes = Math.ceil(low / step) * step; bytes <= high; bytes += step)
    parts.push(svg("line", {class: "grid", x1: left, x2: left + width, y1: y(bytes), y2: y(bytes)}),
      svg("text", {class: "axis", x: left - 8, y: y(bytes) + 3.5, "text-anchor": "end"}, byteText(bytes)));
  const every = Math.max(1, Math.ceil(count / (width / 34)));
  for (let k = 0; k < data.kernels.length; k += every)
    parts.push(svg("text", {class: "axis", x: x(k + 0.5), y: top + strip + gap + height + 16, "text-anchor": "middle"}, String(k)));
  parts.push(svg("text", {class: "axis", x: left + width / 2, y: top + strip + gap + height + 30, "text-anchor": "middle"}, "kernels, in order"));
  // What each kernel's column is, behind everything.
  data.kernels.forEach((kernel, k) => parts.push(tag(svg("rect", {class: "step " + kernel.part, x: x(k), y: top, width: width / count,
    height: strip + gap + height}), "kernel", k)));
  data.values.forEach((value, v) => {
    if (!value.memory || (!wholeArena && value.memory.offset + value.memory.bytes <= low)) return;
    const {offset, bytes, first, last} = value.memory;
    const rect = svg("rect", {class: "value " + memoryKind(value), x: x(first) + 0.5, width: Math.max(1, x(last + 1) - x(first) - 1),
      y: y(offset + bytes), height: Math.max(1.2, y(offset) - y(offset + bytes) - 0.5), rx: 1.5});
    parts.push(tag(rect, "value", v));
    const label = shortened(value.name, Math.floor((x(last + 1) - x(first)) / 6.6) - 1);
    if (y(offset) - y(offset + bytes) >= 13 && label.length > 3)
      parts.push(svg("text", {class: "inside", x: x(first) + 5, y: (y(offset) + y(offset + bytes)) / 2 + 3.5}, label));
  });
  const most = Math.max(1, data.memory.peak_bytes);
  const level = bytes => top + strip - (strip - 14) * bytes / most;
  let path = `M${left} ${top + strip}`;
  data.memory.live_bytes.forEach((bytes, k) => { path += `L${x(k)} ${level(bytes)}L${x(k + 1)} ${level(bytes)}`; });
  const peak = data.memory.peak_kernel;
  parts.push(svg("path", {class: "live", d: path + `L${left + width} ${top + strip}Z`}),
    svg("text", {class: "axis", x: left - 8, y: top + strip, "text-anchor": "end"}, "live bytes"));
  if (peak >= 0)
    parts.push(svg("circle", {class: "peak", cx: x(peak + 0.5), cy: level(data.memory.peak_bytes), r: 3.5}),
      svg("text", {class: "axis strong", x: Math.min(x(peak + 0.5), left + width - 60), y: level(data.memory.peak_bytes) - 6, "text-anchor": "middle"},
        "peak " + byteText(data.memory.peak_bytes)));
  chart.replaceChildren(...parts);
  chart.setAttribute("width", box.width);
  chart.setAttribute("height", box.height);
  relight();
}

function startTips() {
  document.getElementById("plot").addEventListener("mousemove", event => {
    const element = event.target.closest("[data-item]");
    if (!element) {
      hideTip();
      return;
    }
    const [kind, id] = element.dataset.item.split(":");
    if (kind === "kernel") {
      showTip(event, el("b", {}, id + "  " + data.kernels[id].region), el("div", {}, byteText(data.memory.live_bytes[id]) + " live"));
      return;
    }
    const value = data.values[id];
    const {offset, bytes, first, last} = value.memory;
    showTip(event, el("b", {}, value.name), el("div", {}, value.type), el("div", {}, `${byteText(bytes)} (${bytes} bytes) at ${offset}`),
      el("div", {}, `kernels ${first} to ${last}`), el("div", {class: "dim"}, placeText(value.place)));
  });
  document.getElementById("plot").addEventListener("mouseleave", hideTip);
}

function drawDecisions() {
  const view = document.querySelector("[data-view=decisions]");
  const filter = el("input", {type: "search", placeholder: "Filter: a layer, a pass, a word of a reason", "aria-label": "Filter"});
  const rows = data.decisions.map((decision, d) => {
    const concerned = decision.kernels.map(k => el("span", {class: "chip"}, k + " " + data.kernels[k].region));
    const others = Object.entries(decision.alternatives).map(([name, seconds]) => `${name}: ${seconds} s`);
    const row = el("div", {class: "tr", role: "row"}, el("span", {class: "dim"}, decision.pass), el("span", {class: "mono"}, decision.what),
      el("b", {}, decision.chosen), el("span", {}, decision.reason, others.length > 0 ? el("div", {class: "dim"}, "instead of " + others.join(", ")) : null),
      el("span", {}, concerned));
    return tag(row, "decision", d);
  });
  filter.addEventListener("input", () => {
    const wanted = filter.value.toLowerCase();
    for (const row of rows) row.hidden = !row.textContent.toLowerCase().includes(wanted);
  });
  view.append(el("div", {class: "note"}, el("b", {}, String(data.decisions.length)), " choices and refusals, in the order in which they were made. ", filter),
    el("div", {class: "table decisions", role: "table"},
      el("div", {class: "tr head", role: "row"}, ["pass", "about", "chosen", "because", "kernels"].map(title => el("span", {}, title))),
      el("div", {class: "scroll follow", role: "rowgroup"}, rows)));
}
