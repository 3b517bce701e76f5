// Where the boxes of the graph lie. Three lanes side by side: forward runs down, backward runs up beside the
// forward layers that it belongs to, updates are a column beside the gradients that they use; the gradients
// that no other gradient is computed from, those of parameters, are a column too. Within the first two lanes
// this is the layered drawing of Sugiyama: ranks, dummies for edges over several ranks, orders by neighbours,
// places.
//
// nodes: {lane, width, height, layer, line}, in order of execution; `layer` (its path, or "") and `line` (of the
// source) are what a node is of. edges: {from, to} (indices into nodes). Gives nodes x, y (left top) and edges
// `points` (through dummies) and `kind`: "lane", "column" (within one), "across" or "back" (a loop's: read
// before it is written).

const rowGap = 40, columnGap = 20, laneGap = 100, dummyWidth = 10, columnRowGap = 14, mostInRow = 4;

function layoutGraph(nodes, edges) {
  const inner = new Set(edges.filter(edge => nodes[edge.to].lane === 1).map(edge => edge.from));
  nodes.forEach((node, n) => { node.column = node.lane === 2 || (node.lane === 1 && !inner.has(n)); });
  for (const edge of edges) {
    const from = nodes[edge.from], to = nodes[edge.to];
    edge.kind = edge.from >= edge.to ? "back" : from.lane !== to.lane || from.column !== to.column ? "across" :
      from.column ? "column" : "lane";
  }
  rankNodes(nodes, edges);
  const rows = Math.max(-1, ...nodes.map(node => node.column ? -1 : node.rank)) + 1;
  const lanes = [0, 1].map(lane => Array.from({length: rows}, (_, r) => nodes.filter(node => !node.column && node.lane === lane && node.rank === r)));
  const columns = [1, 2].map(lane => nodes.filter(node => node.column && node.lane === lane));
  addDummies(nodes, edges, lanes);
  const widths = lanes.map(lane => {
    orderRows(lane);
    return placeRows(lane);
  });
  const columnWidths = columns.map(column => Math.max(0, ...column.map(node => node.width)));
  const frames = [];
  let left = 0;
  for (let lane = 0; lane < 3; ++lane) {
    const rowsWidth = lane < 2 ? widths[lane] : 0, columnWidth = lane > 0 ? columnWidths[lane - 1] : 0;
    const between = rowsWidth > 0 && columnWidth > 0 ? 3 * columnGap : 0;
    if (lane < 2) for (const cell of lanes[lane].flat()) cell.x += left;
    if (lane > 0) for (const node of columns[lane - 1]) node.x = left + rowsWidth + between;
    const width = rowsWidth + between + columnWidth;
    frames.push({x: left, width});
    if (width > 0) left += width + laneGap;
  }
  let top = 0;
  for (let r = 0; r < rows; ++r) {
    const cells = lanes.flatMap(lane => lane[r]);
    const height = Math.max(0, ...cells.map(cell => cell.height));
    for (const cell of cells) cell.y = top + (height - cell.height) / 2;
    top += height + rowGap;
  }
  for (const column of columns) spreadColumn(column, nodes, edges);
  numberParallels(edges);
  edges.forEach(edge => routeEdge(edge, nodes));
  const bottom = Math.max(1, ...nodes.map(node => node.y + node.height));
  return {width: Math.max(1, left - laneGap), y: Math.min(0, ...nodes.map(node => node.y)), bottom, frames};
}

// Ranks by the longest path through constraints `to >= from + delta`.
function rankNodes(nodes, edges) {
  const after = nodes.map(() => []);
  const reaches = (from, to) => {
    const seen = new Set([from]), open = [from];
    while (open.length > 0) {
      const node = open.pop();
      if (node === to) return true;
      for (const [next] of after[node])
        if (!seen.has(next)) {
          seen.add(next);
          open.push(next);
        }
    }
    return false;
  };
  for (const edge of edges) {
    const lane = nodes[edge.from].lane;
    if (edge.kind === "lane" && lane === 1) after[edge.to].push([edge.from, 1]);
    if (edge.kind === "lane" && lane === 0) after[edge.from].push([edge.to, 1]);
  }
  // Backward stays beside forward, as far as the order of either allows.
  const hope = (from, to, delta) => {
    if (from !== to && !reaches(to, from)) after[from].push([to, delta]);
  };
  const ofLayer = new Map(), ofLine = new Map();
  nodes.forEach((node, n) => {
    if (node.lane !== 0) return;
    if (node.layer) ofLayer.set(node.layer, n);
    if (node.line) ofLine.set(node.line, n);
  });
  const partner = ({layer, line}) => ofLayer.has(layer) ? ofLayer.get(layer) : ofLine.has(line) ? ofLine.get(line) : -1;
  const apart = (a, b) => a.layer !== b.layer || a.line !== b.line;
  // On large graphs the search for circles would take longer than it is worth.
  if (nodes.length <= 600)
    nodes.forEach((node, b) => {
      const f = node.lane === 1 && !node.column ? partner(node) : -1;
      if (f < 0) return;
      hope(f, b, 0);
      for (const edge of edges)
        if (edge.from === f && edge.kind === "lane" && apart(nodes[edge.to], nodes[f])) hope(b, edge.to, 0);
    });
  longestPaths(nodes, after);
  pullTogether(nodes, edges);
}

function longestPaths(nodes, after) {
  const missing = nodes.map(() => 0);
  for (const list of after) for (const [to] of list) ++missing[to];
  const open = [];
  nodes.forEach((node, n) => {
    node.rank = 0;
    if (missing[n] === 0) open.push(n);
  });
  for (let k = 0; k < open.length; ++k)
    for (const [to, delta] of after[open[k]]) {
      nodes[to].rank = Math.max(nodes[to].rank, nodes[open[k]].rank + delta);
      if (--missing[to] === 0) open.push(to);
    }
}

// What begins or ends its lane moves next to its neighbour in it.
function pullTogether(nodes, edges) {
  const inLane = (n, end, other) => edges.filter(edge => edge[end] === n && edge.kind === "lane").map(edge => nodes[edge[other]].rank);
  for (let n = nodes.length - 1; n >= 0; --n) {
    if (nodes[n].lane !== 0 || inLane(n, "to", "from").length > 0) continue;
    const readers = inLane(n, "from", "to");
    if (readers.length > 0) nodes[n].rank = Math.max(nodes[n].rank, Math.min(...readers) - 1);
  }
  nodes.forEach((node, n) => {
    if (node.lane !== 1 || node.column || inLane(n, "from", "to").length > 0) return;
    const sources = inLane(n, "to", "from");
    if (sources.length > 0) node.rank = Math.max(node.rank, Math.min(...sources) - 1);
  });
  compactRows(nodes);
}

// Ranks without gaps. One with more nodes of a lane than fit beside each other becomes several.
function compactRows(nodes) {
  const placed = nodes.filter(node => !node.column);
  const ranks = [...new Set(placed.map(node => node.rank))].sort((a, b) => a - b);
  let first = 0;
  for (const rank of ranks) {
    const rows = [0, 1].map(lane => placed.filter(node => node.lane === lane && node.rank === rank));
    const height = Math.max(...rows.map(row => Math.ceil(row.length / mostInRow)));
    for (const row of rows) {
      const each = Math.ceil(row.length / Math.ceil(row.length / mostInRow));
      row.forEach((node, k) => { node.row = first + Math.floor(k / each); });
    }
    first += height;
  }
  for (const node of placed) node.rank = node.row;
}

function addDummies(nodes, edges, lanes) {
  for (const node of nodes) node.neighbors = [];
  for (const edge of edges) {
    edge.dummies = [];
    if (edge.kind !== "lane") continue;
    const from = nodes[edge.from], to = nodes[edge.to];
    const step = Math.sign(to.rank - from.rank);
    let previous = from;
    for (let rank = from.rank + step; step !== 0 && rank !== to.rank; rank += step) {
      const dummy = {width: dummyWidth, height: 0, rank, neighbors: [], dummy: true};
      lanes[from.lane][rank].push(dummy);
      edge.dummies.push(dummy);
      join(previous, dummy);
      previous = dummy;
    }
    join(previous, to);
  }
}

function join(a, b) {
  a.neighbors.push(b);
  b.neighbors.push(a);
}

function mean(numbers) {
  return numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
}

function orderRows(lane) {
  const number = row => row.forEach((cell, place) => { cell.place = place - (row.length - 1) / 2; });
  lane.forEach(number);
  const sweep = (row, side) => {
    for (const cell of row) {
      const others = cell.neighbors.filter(other => Math.sign(other.rank - cell.rank) === side);
      cell.wish = others.length > 0 ? mean(others.map(other => other.place)) : cell.place;
    }
    row.sort((a, b) => a.wish - b.wish);
    number(row);
  };
  for (let round = 0; round < 6; ++round) {
    lane.forEach(row => sweep(row, -1));
    for (let r = lane.length - 1; r >= 0; --r) sweep(lane[r], 1);
  }
}

// Gives each cell of a lane its x, and the lane's width: cells come as close to their neighbours' middles as
// the order of a row lets them.
function placeRows(lane) {
  const middle = cell => cell.x + cell.width / 2;
  for (const row of lane) {
    let x = 0;
    const width = row.reduce((sum, cell) => sum + cell.width + columnGap, -columnGap);
    for (const cell of row) {
      cell.x = x - width / 2;
      x += cell.width + columnGap;
    }
  }
  const settle = row => {
    let before = 0;
    const wishes = row.map(cell => {
      // A weak pull to the middle keeps the lane narrow.
      const wish = cell.neighbors.length > 0 ? 0.9 * mean(cell.neighbors.map(middle)) : middle(cell);
      const own = {wish: wish - cell.width / 2, weight: cell.dummy ? 0.4 : 1, before};
      before += cell.width + columnGap;
      return own;
    });
    inOrder(wishes).forEach((x, place) => { row[place].x = x; });
  };
  for (let round = 0; round < 12; ++round) {
    lane.forEach(settle);
    for (let r = lane.length - 1; r >= 0; --r) settle(lane[r]);
  }
  const cells = lane.flat();
  if (cells.length === 0) return 0;
  const left = Math.min(...cells.map(cell => cell.x));
  for (const cell of cells) cell.x -= left;
  return Math.max(...cells.map(cell => cell.x + cell.width));
}

// The places closest to the wishes (by least squares) that keep the order and the distances: neighbours that
// would collide become one block at their mean. `before` is the room that all before take.
function inOrder(wishes) {
  const blocks = [];
  for (const {wish, weight, before} of wishes) {
    blocks.push({sum: (wish - before) * weight, weight, count: 1});
    while (blocks.length > 1) {
      const last = blocks[blocks.length - 1], other = blocks[blocks.length - 2];
      if (other.sum / other.weight <= last.sum / last.weight) break;
      other.sum += last.sum;
      other.weight += last.weight;
      other.count += last.count;
      blocks.pop();
    }
  }
  const places = [];
  for (const block of blocks)
    for (let k = 0; k < block.count; ++k) places.push(block.sum / block.weight + wishes[places.length].before);
  return places;
}

// The nodes of a column below each other, each as close to the rows of what it is computed from as the others
// let it.
function spreadColumn(column, nodes, edges) {
  const wishes = new Map();
  for (const node of column) {
    const sources = edges.filter(edge => nodes[edge.to] === node && edge.kind !== "back").map(edge => nodes[edge.from]);
    const own = sources.filter(source => wishes.has(source));
    const others = sources.filter(source => source.lane === 1 && !column.includes(source));
    // What continues another node of the column stands below it.
    wishes.set(node, own.length > 0 ? Math.max(...own.map(source => wishes.get(source))) + 0.1 :
      others.length > 0 ? mean(others.map(source => source.y + source.height / 2)) - node.height / 2 : 0);
  }
  const order = [...column].sort((a, b) => wishes.get(a) - wishes.get(b));
  let before = 0;
  const places = inOrder(order.map(node => {
    const own = {wish: wishes.get(node), weight: 1, before};
    before += node.height + columnRowGap;
    return own;
  }));
  order.forEach((node, place) => { node.y = places[place]; });
}

// Several values between the same two boxes run side by side: `shift` is how far from the middle, `stack` the
// same for their labels, which stand below each other.
function numberParallels(edges) {
  const bundles = new Map();
  for (const edge of edges) {
    const key = edge.from + " " + edge.to;
    if (!bundles.has(key)) bundles.set(key, []);
    bundles.get(key).push(edge);
  }
  for (const bundle of bundles.values())
    bundle.forEach((edge, k) => {
      const aside = k - (bundle.length - 1) / 2;
      edge.shift = 9 * aside;
      edge.stack = 10 * aside;
    });
}

function routeEdge(edge, nodes) {
  const from = nodes[edge.from], to = nodes[edge.to];
  const center = cell => cell.x + cell.width / 2 + (cell.dummy ? 0 : edge.shift);
  if (edge.kind === "lane" && from.y !== to.y) {
    const down = to.y > from.y;
    edge.points = [[center(from), down ? from.y + from.height : from.y],
      ...edge.dummies.map(dummy => [center(dummy), dummy.y]),
      [center(to), down ? to.y : to.y + to.height]];
    return;
  }
  const side = (cell, right) => [right ? cell.x + cell.width : cell.x, cell.y + cell.height / 2 + edge.shift];
  if (edge.kind === "column") edge.points = [side(from, true), side(to, true)];
  else if (edge.kind === "back") edge.points = [side(from, false), side(to, false)];
  else edge.points = [side(from, to.x >= from.x), side(to, to.x < from.x)];
}

// A smooth path through an edge's points: vertical at each within a lane, horizontal at both ends across.
function pathOf(edge) {
  const text = point => point[0].toFixed(1) + " " + point[1].toFixed(1);
  const points = edge.points;
  let path = "M" + text(points[0]);
  for (let k = 1; k < points.length; ++k) {
    const [a, b] = [points[k - 1], points[k]];
    if (edge.kind === "lane" && points[0][1] !== points[points.length - 1][1]) {
      const bend = (b[1] - a[1]) / 2;
      path += "C" + text([a[0], a[1] + bend]) + " " + text([b[0], b[1] - bend]) + " " + text(b);
    } else {
      const same = edge.kind === "back" || edge.kind === "column"; // both ends on one side
      const out = edge.kind === "back" ? -60 : edge.kind === "column" ? 34 :
        Math.max(24, Math.abs(b[0] - a[0]) / 2) * Math.sign(b[0] - a[0] || 1);
      path += "C" + text([a[0] + out, a[1]]) + " " + text([same ? b[0] + out : b[0] - out, b[1]]) + " " + text(b);
    }
  }
  return path;
}
