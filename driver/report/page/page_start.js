// The frame: title, tabs, the divider; and the order in which everything is drawn.

const viewNames = {graph: "Graph", code: "Code", passes: "Passes", cost: "Cost", memory: "Memory", decisions: "Decisions"};
let view = "graph";

function showView(name) {
  view = viewNames[name] ? name : "graph";
  for (const section of document.querySelectorAll("[data-view]")) section.classList.toggle("chosen", section.dataset.view === view);
  for (const tab of document.querySelectorAll("#tabs button")) {
    const chosen = tab.dataset.tab === view;
    tab.classList.toggle("chosen", chosen);
    tab.setAttribute("aria-selected", String(chosen));
  }
  if (view === "graph" && graphShown) {
    graphShown();
    graphShown = null;
  }
  if (view === "memory") plotMemory(document.getElementById("timeline"));
  hideTip();
  reveal(null);
}

function drawFrame() {
  document.title = data.program + ", Striate";
  const flop = data.kernels.reduce((sum, kernel) => sum + kernel.flop, 0);
  document.getElementById("title").textContent = data.program;
  const facts = [[String(data.kernels.length), "kernels"], [String(data.capacity), "examples"], [countText(flop, "FLOP"), "a run"],
    [byteText(data.memory.arena_bytes), "arena"], [data.cpu, ""]];
  document.getElementById("facts").append(...facts.map(([value, name]) => el("span", {}, el("b", {}, value), " " + name)));
  for (const [name, title] of Object.entries(viewNames)) {
    const tab = el("button", {"data-tab": name, role: "tab"}, title);
    tab.addEventListener("click", () => {
      showView(name);
      rememberFragment();
    });
    document.getElementById("tabs").append(tab);
  }
}

function startDivider() {
  const divider = document.getElementById("divider");
  divider.addEventListener("pointerdown", event => {
    divider.setPointerCapture(event.pointerId);
    event.preventDefault();
  });
  divider.addEventListener("pointermove", event => {
    if (!divider.hasPointerCapture(event.pointerId)) return;
    const width = Math.max(180, Math.min(event.clientX, innerWidth - 320));
    document.body.style.setProperty("--left", width + "px");
  });
}

function start() {
  drawFrame();
  drawSource();
  drawGraph();
  drawCode();
  drawPasses();
  drawCost();
  drawMemory();
  drawDecisions();
  startDivider();
  startLinks();
  startTips();
  showOverview();
  followFragment();
  addEventListener("hashchange", followFragment);
  document.body.dataset.ready = "yes";
}
