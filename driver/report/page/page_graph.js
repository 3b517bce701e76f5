// The graph, drawn: kernels as boxes that list their statements, stored values as edges, zoom and pan.

const nodePadding = 10, titleHeight = 24, lineHeight = 15, footHeight = 20;
let dragged = false; // what ends with a click was no click

const measure = document.createElement("canvas").getContext("2d");
function textWidth(text, font) {
  measure.font = font;
  return measure.measureText(text).width;
}

function monoFont(size) {
  return size + "px " + getComputedStyle(document.body).getPropertyValue("--mono");
}

function shortened(text, most) {
  return text.length <= most ? text : text.slice(0, most - 1) + "…";
}

function graphNodes() {
  const small = monoFont(10.5), bold = "600 12px " + getComputedStyle(document.body).fontFamily;
  const nodes = [];
  const numbers = {inputs: new Map(), kernels: new Map()};
  data.values.forEach((value, v) => {
    if (value.role !== "input" || value.readers.length === 0) return;
    numbers.inputs.set(v, nodes.length);
    const title = valueTitle(v);
    nodes.push({input: v, title, lane: 0, width: textWidth(title, small) + 28, height: 26, layer: "", line: lineItem(value.place)});
  });
  data.kernels.forEach((kernel, k) => {
    numbers.kernels.set(k, nodes.length);
    const lines = kernel.statements.map(n => {
      const statement = data.statements[n], value = data.values[statement.value];
      return {n, text: shortened(value.name + " = " + statement.op, 46), type: value.type, part: statement.part,
        stored: kernel.stores.includes(statement.value)};
    });
    const width = Math.max(150, textWidth(kernel.region, bold) + 58,
      ...lines.map(line => textWidth(line.text + line.type, small) + 44));
    const head = data.statements[kernel.statements[0]];
    nodes.push({kernel: k, lines, lane: partNames.indexOf(kernel.part), width,
      height: titleHeight + lines.length * lineHeight + footHeight + 6, layer: head.path,
      line: lineItem(head.call) || lineItem(head.place)});
  });
  return [nodes, numbers];
}

function graphEdges(numbers) {
  const edges = [];
  data.values.forEach((value, v) => {
    const from = value.kernel >= 0 ? numbers.kernels.get(value.kernel) : numbers.inputs.get(v);
    if (from === undefined) return;
    for (const reader of value.readers) edges.push({from, to: numbers.kernels.get(reader), value: v});
  });
  return edges;
}

function drawNode(node) {
  const group = svg("g", {transform: `translate(${node.x.toFixed(1)} ${node.y.toFixed(1)})`});
  if (node.input !== undefined) {
    tag(group, "value", node.input);
    group.setAttribute("class", "node input");
    group.append(svg("rect", {width: node.width, height: node.height, rx: 13}),
      svg("text", {x: node.width / 2, y: 17, "text-anchor": "middle", class: "mono"}, node.title));
    return group;
  }
  const kernel = data.kernels[node.kernel];
  tag(group, "kernel", node.kernel);
  group.setAttribute("class", "node " + kernel.part);
  group.append(svg("rect", {class: "box", width: node.width, height: node.height, rx: 7}),
    svg("rect", {class: "stripe", width: 4, height: node.height - 14, x: 0, y: 7, rx: 2}),
    svg("text", {class: "number", x: nodePadding, y: 17}, String(node.kernel)),
    svg("text", {class: "name", x: nodePadding + 24, y: 17}, kernel.region));
  node.lines.forEach((line, l) => {
    const y = titleHeight + lineHeight * (l + 1) - 3;
    const row = svg("g", {class: "statement" + (line.stored ? " stored" : "")},
      svg("rect", {x: 6, y: y - 11, width: node.width - 12, height: lineHeight, rx: 3}),
      svg("circle", {class: line.part, cx: nodePadding + 3, cy: y - 3.5, r: 2.5}),
      svg("text", {class: "mono", x: nodePadding + 11, y}, line.text),
      svg("text", {class: "mono type", x: node.width - nodePadding, y, "text-anchor": "end"}, line.type));
    group.append(tag(row, "statement", line.n));
  });
  const y = node.height - 9;
  const room = node.width - 2 * nodePadding - 64;
  group.append(svg("rect", {class: "track", x: nodePadding, y: y - 4, width: room, height: 4, rx: 2}),
    svg("rect", {class: "meter", x: nodePadding, y: y - 4, width: Math.max(kernel.flop_share > 0 ? 1.5 : 0, room * kernel.flop_share), height: 4, rx: 2}),
    svg("text", {class: "share", x: node.width - nodePadding, y: y + 1, "text-anchor": "end"}, countText(kernel.flop, "FLOP")));
  return group;
}

function drawEdge(edge) {
  const value = data.values[edge.value];
  const group = svg("g", {class: "edge " + edge.kind},
    svg("path", {class: "wide", d: pathOf(edge)}),
    svg("path", {class: "line", d: pathOf(edge), "marker-end": "url(#arrow)"}),
    svg("title", {}, valueTitle(edge.value)));
  const points = edge.points;
  const half = points.length >> 1;
  const [a, b] = [points[half - 1], points[half]];
  const label = svg("text", {class: "label", x: ((a[0] + b[0]) / 2).toFixed(1), y: ((a[1] + b[1]) / 2 + 3 + edge.stack).toFixed(1),
    "text-anchor": "middle"}, edge.kind === "lane" ? value.type : valueTitle(edge.value));
  group.append(label);
  return tag(group, "value", edge.value);
}

function drawGraph() {
  const [nodes, numbers] = graphNodes();
  const edges = graphEdges(numbers);
  const size = layoutGraph(nodes, edges);
  const scene = svg("g", {id: "scene"});
  size.frames.forEach((frame, lane) => {
    if (frame.width === 0) return;
    scene.append(svg("rect", {class: "lane " + partNames[lane], x: frame.x - 36, y: size.y - 62, width: frame.width + 72,
      height: size.bottom - size.y + 94, rx: 14}),
      svg("text", {class: "lane-name " + partNames[lane], x: frame.x - 16, y: size.y - 34}, partNames[lane]));
  });
  scene.append(svg("g", {class: "edges"}, edges.map(drawEdge)), svg("g", {class: "nodes"}, nodes.map(drawNode)));
  const root = document.getElementById("graph");
  root.append(svg("defs", {}, svg("marker", {id: "arrow", viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 7, markerHeight: 7,
    orient: "auto-start-reverse"}, svg("path", {d: "M0 0.8 7.5 4 0 7.2z"}))), scene);
  const bounds = {x: -52, y: size.y - 78, width: size.width + 104, height: size.bottom - size.y + 126};
  panAndZoom(root, scene, bounds, nodes);
}

function panAndZoom(root, scene, bounds, nodes) {
  const camera = {x: 0, y: 0, scale: 1};
  const apply = () => scene.setAttribute("transform", `translate(${camera.x} ${camera.y}) scale(${camera.scale})`);
  const room = () => root.getBoundingClientRect();
  const fit = least => {
    const box = room();
    camera.scale = Math.max(least, Math.min(1, box.width / bounds.width, box.height / bounds.height));
    camera.x = Math.max((box.width - bounds.width * camera.scale) / 2, 0) - bounds.x * camera.scale;
    camera.y = Math.max((box.height - bounds.height * camera.scale) / 2, 0) - bounds.y * camera.scale;
    apply();
  };
  const zoom = (factor, x, y) => {
    const scale = Math.min(4, Math.max(0.02, camera.scale * factor));
    camera.x = x - (x - camera.x) * scale / camera.scale;
    camera.y = y - (y - camera.y) * scale / camera.scale;
    camera.scale = scale;
    apply();
  };
  root.addEventListener("wheel", event => {
    event.preventDefault();
    const box = room();
    zoom(Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.0015)), event.clientX - box.left, event.clientY - box.top);
  }, {passive: false});
  let held = null;
  root.addEventListener("pointerdown", event => {
    held = [event.clientX, event.clientY, camera.x, camera.y];
    dragged = false;
  });
  root.addEventListener("pointermove", event => {
    if (!held || event.buttons === 0) return;
    const [dx, dy] = [event.clientX - held[0], event.clientY - held[1]];
    if (Math.hypot(dx, dy) > 4) dragged = true;
    camera.x = held[2] + dx;
    camera.y = held[3] + dy;
    apply();
  });
  addEventListener("pointerup", () => {
    held = null;
    setTimeout(() => { dragged = false; });
  });
  revealInGraph = always => {
    const box = room();
    const found = nodes.filter(node => (shown.get("kernel:" + node.kernel) || []).some(element => element.classList.contains("lit")));
    const seen = found.some(node => {
      const [x, y] = [camera.x + (node.x + node.width / 2) * camera.scale, camera.y + (node.y + node.height / 2) * camera.scale];
      return x > 0 && x < box.width && y > 0 && y < box.height;
    });
    if (found.length === 0 || (seen && !always)) return;
    if (always) camera.scale = Math.max(camera.scale, 0.8);
    camera.x = box.width / 2 - (found[0].x + found[0].width / 2) * camera.scale;
    camera.y = box.height / 2 - (found[0].y + found[0].height / 2) * camera.scale;
    apply();
  };
  const middle = factor => () => zoom(factor, room().width / 2, room().height / 2);
  const button = (text, title, act) => {
    const made = el("button", {title}, text);
    made.addEventListener("click", act);
    return made;
  };
  document.getElementById("graph-tools").append(
    button("+", "Closer", middle(1.3)), button("−", "Farther", middle(1 / 1.3)),
    button("Fit", "The whole graph", () => fit(0)), button("Read", "As wide as the window, from the top", () => fit(0.62)),
    button("Find", "To what is lit", () => revealInGraph(true)));
  graphShown = () => fit(0.42);
}

let revealInGraph = null; // moves to what is lit: where nothing of it is in sight, or always
let graphShown = null; // called when the graph is first seen, which is when its size is known
