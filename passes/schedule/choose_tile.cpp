#include "passes/schedule/choose_tile.h"

#include "ir/kernel/kernel.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <functional>

namespace striate {

namespace {

struct OperandUse {
  bool vector = false; // depends on the lane
  std::vector<int> variables;
};

} // namespace

static bool contains(const std::vector<int>& list, int v) {
  return std::find(list.begin(), list.end(), v) != list.end();
}

static std::vector<OperandUse> operands_of(const Statement& statement, int lane) {
  std::vector<OperandUse> uses;
  visit(statement.body, [&](const ExprRef& e) {
    if (e->kind != Expr::Kind::Read) return;
    OperandUse use;
    for (const IndexExpr& index : e->indices) index.collect_variables(use.variables);
    use.vector = lane >= 0 && contains(use.variables, lane);
    uses.push_back(std::move(use));
  });
  return uses;
}

// Shows `see` every tile that could be chosen, with its score (less is better) and what makes the choice.
static void
visit_tiles(const Statement& statement, int lane, const TileLimits& limits, int64_t capacity,
            const TargetInfo& target, const std::vector<TileAxis>* asked,
            const std::function<void(double score, const std::function<TileChoice()>& choice)>& see) {
  const std::vector<OperandUse> operands = operands_of(statement, lane);
  // Hardware vectors per tile point: the lane axis is 16 floats wide on every target.
  const double vectors = lane >= 0 ? std::max(1.0, kLanes * 32.0 / target.vector_bits) : 1;
  // A batch is tiled as far as its capacity divides: rows beyond the last example are there to be computed.
  const auto extent_of = [&](int v) {
    const Size& extent = statement.variables[v].extent;
    return extent.batch ? (extent.factor == 1 ? capacity : 1) : extent.factor;
  };
  std::vector<int> candidates;
  for (int v = 0; v < statement.free_count; ++v)
    if (v != lane && extent_of(v) > 1 && !contains(limits.untiled, v)) candidates.push_back(v);

  constexpr int64_t kLargest = 28;
  const double load_ports = target.many_threads ? 1 : 2;
  // An FMA's latency (4 cycles) must be covered by independent accumulators; measured, with some slack
  // (bench/cpu/register_tiles), as is the cost of walking a nest once per piece of the lanes. Many threads
  // cover it by each other.
  constexpr double kPassOverhead = 1.05;
  const double latency_cycles = target.many_threads ? 0 : 5;
  // How many threads there are at the capacity with a tile of one point, and how many keep a large device
  // busy.
  double threads = 1;
  for (int v = 0; v < statement.free_count; ++v)
    threads *= static_cast<double>(v == lane ? std::max<int64_t>(extent_of(v), kLanes) : extent_of(v));
  if (lane >= statement.free_count) threads *= kLanes;
  constexpr double kBusyThreads = 132 * 1024;
  const int last_free = candidates.empty() ? -1 : candidates.back();
  const auto is_exact = [&](int v) { return contains(limits.exact, v); };
  const auto uses = [](const OperandUse& use, int v) { return contains(use.variables, v); };
  const auto allowed = [&](int v, int64_t size) {
    if (const auto most = limits.at_most.find(v); most != limits.at_most.end() && size > most->second)
      return false;
    if (contains(limits.blocked, v) && kLanes % size != 0) return false;
    return extent_of(v) % size == 0 || !(is_exact(v) || statement.variables[v].extent.batch);
  };
  const auto is_asked = [&](int a, int64_t size_a, int b, int64_t size_b) {
    const auto is = [&](std::size_t k, int v, int64_t size) {
      return (*asked)[k].variable == v && (*asked)[k].size == size;
    };
    return asked->size() == (b >= 0 ? 2 : 1) && is(0, a, size_a) && (b < 0 || is(1, b, size_b));
  };
  const auto consider = [&](int a, int64_t size_a, int b, int64_t size_b) {
    if (asked && !is_asked(a, size_a, b, size_b)) return;
    if (!allowed(a, size_a) || (b >= 0 && !allowed(b, size_b))) return;
    const auto size_of = [&](const OperandUse& use) {
      double points = 1;
      for (int v : use.variables) points *= v == a ? size_a : v == b ? size_b : 1;
      return points;
    };
    const double points = static_cast<double>(size_a * size_b);
    double vector_loads = 0, scalar_loads = 0, streams = 0;
    for (const OperandUse& use : operands) {
      (use.vector ? vector_loads : scalar_loads) += size_of(use);
      streams += size_of(use) / (is_exact(a) && uses(use, a) ? static_cast<double>(size_a) : 1) /
                 (is_exact(b) && uses(use, b) ? static_cast<double>(size_b) : 1);
    }
    // All 16 lanes at once, or, where that needs too many registers, the whole nest once per hardware vector
    // of the lanes. Besides the accumulators one operand's vector and one broadcast are held.
    const bool whole = points * vectors + vectors + 1 <= target.vector_registers;
    if (!whole && points + 2 > target.vector_registers) return;
    const double passes = whole ? 1 : vectors, width = whole ? vectors : 1;
    const double accumulators = points * width;
    const double loads = vector_loads * width + scalar_loads;
    double cycles = std::max({accumulators / target.fma_ports, loads / load_ports, latency_cycles});
    if (!whole) cycles *= kPassOverhead;
    double score = passes * cycles / (points * vectors);
    if (target.many_threads) score *= std::max(1.0, kBusyThreads * points / threads);
    const auto waste = [](int64_t extent, int64_t size) {
      return static_cast<double>((extent + size - 1) / size * size) / static_cast<double>(extent);
    };
    score *= waste(extent_of(a), size_a);
    if (b >= 0) score *= waste(extent_of(b), size_b);
    // Among equals: fewer loads and fewer distinct cache lines, since they cost bandwidth too.
    score *= 1 + 0.05 * loads / accumulators;
    if (!limits.exact.empty()) score *= 1 + 0.05 * streams / points;
    // Examples lie far apart: each one more is one more stream, and they may meet in one set of a cache.
    const auto examples = [&](int v, int64_t size) {
      return v >= 0 && statement.variables[v].extent.batch ? static_cast<double>(size) : 0;
    };
    score *= 1 + 0.005 * (examples(a, size_a) + examples(b, size_b));
    // Where every operand is a vector, each is loaded for few results: rows are streams from memory, too, and
    // are better walked along.
    if (scalar_loads == 0 && a != last_free) score *= 1 + 0.005 * static_cast<double>(size_a);
    see(score, [&] {
      TileChoice choice;
      choice.axes = {{a, size_a}};
      if (b >= 0 && size_b > 1) choice.axes.push_back({b, size_b});
      choice.cycles_per_fma = cycles / accumulators;
      choice.reason = fmt::format("{} accumulators, {} loads per {} FMAs{}", accumulators, loads,
                                  accumulators, whole ? "" : fmt::format(", the lanes in {} passes", passes));
      return choice;
    });
  };
  for (int a : candidates) {
    const int64_t largest_a = std::min(kLargest, extent_of(a));
    for (int64_t size_a = 1; size_a <= largest_a; ++size_a) {
      consider(a, size_a, -1, 1);
      for (int b : candidates) {
        if (b <= a) continue;
        const int64_t largest_b = std::min(kLargest, extent_of(b));
        for (int64_t size_b = 2; size_b <= largest_b; ++size_b) consider(a, size_a, b, size_b);
      }
    }
  }
}

TileChoice choose_tile(const Statement& statement, int lane, const TileLimits& limits, int64_t capacity,
                       const TargetInfo& target, const std::vector<TileAxis>* asked) {
  TileChoice best;
  double best_score = INFINITY;
  visit_tiles(statement, lane, limits, capacity, target, asked,
              [&](double score, const std::function<TileChoice()>& choice) {
                // Among equals the later variable, whose neighbours are nearer in memory.
                if (score > best_score * (1 + 1e-9)) return;
                best_score = score;
                best = choice();
              });
  return best;
}

std::vector<TileChoice> best_tiles(const Statement& statement, int lane, const TileLimits& limits,
                                   int64_t capacity, const TargetInfo& target, std::size_t most) {
  std::vector<std::pair<double, TileChoice>> found;
  visit_tiles(statement, lane, limits, capacity, target, nullptr,
              [&](double score, const std::function<TileChoice()>& choice) {
                if (found.size() >= most && score >= found.back().first) return;
                const auto place =
                    std::ranges::upper_bound(found, score, {}, &std::pair<double, TileChoice>::first);
                found.insert(place, {score, choice()});
                if (found.size() > most) found.pop_back();
              });
  std::vector<TileChoice> tiles;
  for (auto& [score, choice] : found) tiles.push_back(std::move(choice));
  return tiles;
}

std::string tile_text(const TileChoice& choice, const Statement& statement) {
  std::string text;
  for (const TileAxis& axis : choice.axes)
    text += fmt::format("{}{}: {}", text.empty() ? "" : ", ",
                        statement.variables[static_cast<std::size_t>(axis.variable)].name, axis.size);
  return fmt::format("tile [{}]", text);
}
std::optional<std::vector<TileAxis>> read_tile(std::string text, const Statement& statement) {
  constexpr std::string_view kBegin = "tile [";
  if (!text.starts_with(kBegin) || !text.ends_with(']')) return std::nullopt;
  text = text.substr(kBegin.size(), text.size() - kBegin.size() - 1);
  std::vector<TileAxis> axes;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(", "), text.size()), colon = text.find(": ");
    TileAxis axis;
    for (int v = 0; v < statement.free_count; ++v)
      if (statement.variables[v].name == text.substr(0, colon)) axis.variable = v;
    if (colon >= end || axis.variable < 0) return std::nullopt;
    const char *first = text.data() + colon + 2, *last = text.data() + end;
    if (std::from_chars(first, last, axis.size).ptr != last) return std::nullopt;
    axes.push_back(axis);
    text = text.substr(std::min(end + 2, text.size()));
  }
  std::ranges::sort(axes, {}, &TileAxis::variable);
  return axes;
}

} // namespace striate
