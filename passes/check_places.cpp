#include "passes/check_places.h"

#include "passes/plan_memory.h"

#include <map>
#include <set>

namespace striate {

namespace {

// Which value lies in each byte: spans that do not overlap.
class Contents {
public:
  void store(int64_t begin, int64_t end, ValueId value) {
    if (begin == end) return;
    cut(begin);
    cut(end);
    spans_.erase(spans_.lower_bound(begin), spans_.lower_bound(end));
    spans_[begin] = {end, value};
  }

  // What lies there beside the value: another value, kNothing where nothing was stored; the value itself
  // where it is whole.
  static constexpr ValueId kNothing = -1;
  ValueId other_than(ValueId value, int64_t begin, int64_t end) const {
    auto span = spans_.upper_bound(begin);
    if (span != spans_.begin()) --span;
    for (int64_t at = begin; at < end; ++span) {
      if (span != spans_.end() && span->second.first <= at) continue;
      if (span == spans_.end() || span->first > at) return kNothing;
      if (span->second.second != value) return span->second.second;
      at = span->second.first;
    }
    return value;
  }

private:
  void cut(int64_t at) {
    auto span = spans_.lower_bound(at);
    if (span == spans_.begin()) return;
    --span;
    auto& [end, value] = span->second;
    if (end <= at) return;
    spans_[at] = {end, value};
    end = at;
  }

  std::map<int64_t, std::pair<int64_t, ValueId>> spans_; // begin: end and value
};

// Regions that run as one: a loop's, whose values are kept from its first step to its last, or one alone.
struct Group {
  std::set<ValueId> read, stored;
};

class PlaceCheck {
public:
  PlaceCheck(const Graph& graph, int64_t capacity) : graph_(graph), capacity_(capacity) {
    for (const Persistent& persistent : graph.persistents)
      if (persistent.next >= 0) replaces_[persistent.next] = persistent.value;
  }

  Status run() {
    const std::vector<Group> groups = make_groups();
    for (const Group& group : groups)
      for (const std::set<ValueId>* list : {&group.read, &group.stored})
        for (ValueId value : *list)
          if (const Status placed = has_place(value); !placed) return placed;
    for (const Persistent& persistent : graph_.persistents) store(persistent.value);
    for (ValueId input : graph_.inputs) store(input);
    for (const Group& group : groups)
      if (const Status kept = run_group(group); !kept) return kept;
    return check_end();
  }

private:
  std::vector<Group> make_groups() const {
    std::vector<Group> groups;
    int before = -1;
    for (const Region& region : graph_.regions) {
      const int loop = graph_.nodes[region.nodes.at(0)].loop;
      if (groups.empty() || loop < 0 || loop != before) groups.emplace_back();
      before = loop;
      std::set<ValueId> inside;
      for (NodeId node : region.nodes)
        inside.insert(graph_.nodes[node].outputs.begin(), graph_.nodes[node].outputs.end());
      for (NodeId node : region.nodes)
        for (ValueId input : graph_.nodes[node].inputs)
          if (!inside.contains(input)) groups.back().read.insert(input);
      groups.back().stored.insert(region.stored.begin(), region.stored.end());
    }
    return groups;
  }

  const Value& value(ValueId id) const { return graph_.values[id]; }
  const std::string& name(ValueId id) const { return graph_.values[id].name; }
  int64_t end_of(ValueId id) const { return value(id).offset + storage_bytes(value(id), capacity_); }
  void store(ValueId id) {
    if (value(id).offset >= 0) contents_.store(value(id).offset, end_of(id), id);
  }

  Status has_place(ValueId id) const {
    if (value(id).offset < 0)
      return bad_data("`{}` has no place in memory: plan_memory gives it one", name(id));
    if (value(id).offset > graph_.arena_bytes - storage_bytes(value(id), capacity_))
      return bad_data("`{}` ends beyond the arena's {} bytes: it was planned for fewer than {} examples",
                      name(id), graph_.arena_bytes, capacity_);
    return {};
  }

  // Whether a value is whole where it is wanted.
  Status holds(ValueId id, const std::string& when) const {
    const ValueId other = contents_.other_than(id, value(id).offset, end_of(id));
    if (other == id) return {};
    if (other == Contents::kNothing) return bad_data("`{}` is not stored yet {}", name(id), when);
    return bad_data("`{}` is stored across `{}`, which is needed {}", name(other), name(id), when);
  }

  Status run_group(const Group& group) {
    const std::string when = fmt::format("where `{}` is computed", name(*group.stored.begin()));
    std::set<ValueId> replaced;
    for (ValueId id : group.read)
      if (!group.stored.contains(id))
        if (const Status kept = holds(id, when); !kept) return kept;
    for (ValueId id : group.stored) {
      store(id);
      const auto old = replaces_.find(id);
      if (old == replaces_.end()) continue;
      if (value(id).offset != value(old->second).offset)
        return bad_data("`{}` replaces `{}` and does not lie where that does", name(id), name(old->second));
      replaced.insert(old->second);
    }
    // What is read lasts while it is read, and all that is stored is there when the last of it is.
    for (const std::set<ValueId>* list : {&group.stored, &group.read})
      for (ValueId id : *list)
        if (!replaced.contains(id))
          if (const Status kept = holds(id, when); !kept) return kept;
    return {};
  }

  // What callers read after a run, or at the next one.
  Status check_end() const {
    const std::string when = "after the run";
    for (const auto& [output, id] : graph_.outputs)
      if (value(id).offset >= 0)
        if (const Status kept = holds(id, when); !kept) return kept;
    for (ValueId input : graph_.inputs)
      if (value(input).offset >= 0)
        if (const Status kept = holds(input, when); !kept) return kept;
    for (const Persistent& persistent : graph_.persistents) {
      const ValueId id = persistent.next >= 0 ? persistent.next : persistent.value;
      if (value(id).offset >= 0)
        if (const Status kept = holds(id, when); !kept) return kept;
    }
    return {};
  }

  const Graph& graph_;
  int64_t capacity_;
  std::map<ValueId, ValueId> replaces_; // what replaces a parameter or state: that one
  Contents contents_;
};

} // namespace

Status check_places(const Graph& graph, int64_t capacity) { return PlaceCheck(graph, capacity).run(); }

} // namespace striate
