#include "verify/shrink.h"

#include "verify/sizes.h"

#include <algorithm>

namespace striate {

namespace {

class Shrinking {
public:
  Shrinking(Reproducer& reproducer, const StillShows& shows) : reproducer_(reproducer), shows_(shows) {}

  void run() {
    // A file does not hold what another entry point decided.
    Check free = check();
    free.lowering.fixed.clear();
    take(graph(), free);
    cut();
    fewer_examples();
    if (smaller_sizes()) cut();
  }

private:
  const Graph& graph() const { return reproducer_.graph; }
  const Check& check() const { return reproducer_.check; }

  bool take(Graph graph, Check check) {
    if (!shows_(graph, check)) return false;
    reproducer_ = {std::move(graph), std::move(check)};
    return true;
  }

  void cut() {
    reproducer_.graph = reduce(graph(), [&](const Graph& candidate) { return shows_(candidate, check()); });
  }

  // Halved as long as it shows; true where that changed anything.
  static bool halve(int64_t size, const std::function<bool(int64_t size)>& take) {
    bool changed = false;
    for (; size > 1 && take((size + 1) / 2); size = (size + 1) / 2) changed = true;
    return changed;
  }

  void fewer_examples() {
    const auto try_trial = [&](int64_t Trial::*number) {
      halve(check().trial.*number, [&](int64_t size) {
        Check fewer = check();
        fewer.trial.*number = size;
        return take(graph(), fewer);
      });
    };
    try_trial(&Trial::steps);
    try_trial(&Trial::examples);
    Check small = check();
    small.lowering.capacity = small.trial.examples;
    take(graph(), small);
  }

  // Every size, the largest first, until none can be less.
  bool smaller_sizes() {
    const bool placed = std::ranges::any_of(graph().values, [](const Value& v) { return !v.layout.empty(); });
    if (placed) return false;
    bool any = false;
    for (bool changed = true; changed;) {
      changed = false;
      std::vector<SizeClass> classes = size_classes(graph());
      std::ranges::stable_sort(classes, std::greater(), &SizeClass::size);
      for (const SizeClass& which : classes)
        while (smaller(which.places[0])) changed = any = true;
    }
    return any;
  }

  // What has to be the same changes with the sizes.
  bool smaller(const SizeClass::Place& place) {
    const std::vector<SizeClass> classes = size_classes(graph());
    const auto which = std::ranges::find_if(
        classes, [&](const SizeClass& c) { return std::ranges::find(c.places, place) != c.places.end(); });
    if (which == classes.end()) return false;
    const auto try_size = [&](int64_t size) {
      if (size < 1 || size >= which->size) return false;
      Graph candidate = resized(graph(), classes, static_cast<std::size_t>(which - classes.begin()), size);
      return verify(candidate).empty() && take(std::move(candidate), check());
    };
    return try_size((which->size + 1) / 2) || try_size(which->size * 3 / 4);
  }

  Reproducer& reproducer_;
  const StillShows& shows_;
};

} // namespace

void shrink(Reproducer& reproducer, const StillShows& shows) { Shrinking(reproducer, shows).run(); }

} // namespace striate
