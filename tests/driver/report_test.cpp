// What a report is made of: differences of texts, facts of a graph, and texts for Graphviz and HTML.
#include "driver/report/graph_dot.h"
#include "driver/report/graph_facts.h"
#include "driver/report/graph_json.h"
#include "driver/report/page.h"
#include "driver/report/pass_history.h"
#include "driver/report/text_diff.h"

#include "driver/compile.h"
#include "passes/memory_timeline.h"
#include "tests/elaborate/elaborated.h"

#include <random>

namespace striate {
namespace {

using Kind = LineEdit::Kind;

std::vector<LineEdit> diff(const std::string& before, const std::string& after) {
  return diff_lines(lines_of(before), lines_of(after));
}

// "=a ~b>c -d +e": the edits as one line.
std::string shown(const std::string& before, const std::string& after) {
  const auto a = lines_of(before), b = lines_of(after);
  std::string text;
  for (const LineEdit& edit : diff_lines(a, b)) {
    text += text.empty() ? "" : " ";
    if (edit.kind == Kind::Same) text += "=" + std::string(a[edit.before]);
    if (edit.kind == Kind::Changed)
      text += "~" + std::string(a[edit.before]) + ">" + std::string(b[edit.after]);
    if (edit.kind == Kind::Removed) text += "-" + std::string(a[edit.before]);
    if (edit.kind == Kind::Added) text += "+" + std::string(b[edit.after]);
  }
  return text;
}

TEST(TextDiff, KeepsWhatIsInBoth) {
  EXPECT_EQ(shown("a\nb\nc\n", "a\nb\nc\n"), "=a =b =c");
  EXPECT_EQ(shown("a\nb\nc\n", "a\nc\n"), "=a -b =c");
  EXPECT_EQ(shown("a\nc", "a\nb\nc\nd"), "=a +b =c +d");
  EXPECT_EQ(shown("", "a"), "+a");
  EXPECT_EQ(shown("a", ""), "-a");
  EXPECT_EQ(shown("", ""), "");
  // What moved is removed and added; all else stays.
  EXPECT_EQ(shown("a\nb\nc\nd\n", "b\nc\nd\na\n"), "-a =b =c =d +a");
}

TEST(TextDiff, PairsLinesThatSpeakOfOneThing) {
  EXPECT_EQ(subject_of("  %a : f32[2] = relu(%b)"), "  %a ");
  EXPECT_EQ(subject_of("}"), "}");
  EXPECT_EQ(shown("%a : 1\n%b : 1\n%c : 1", "%a : 2\n%c : 2\n%d : 2"),
            "~%a : 1>%a : 2 -%b : 1 ~%c : 1>%c : 2 +%d : 2");
}

// Whatever the texts: read in order, the edits are both of them.
TEST(TextDiff, HasEveryLineOfBothTextsOnceInOrder) {
  std::mt19937 random(1);
  for (int round = 0; round < 300; ++round) {
    std::string texts[2];
    for (std::string& text : texts)
      for (unsigned line = random() % 30; line > 0; --line)
        text +=
            std::string(1, static_cast<char>('a' + random() % 6)) + ":" + std::to_string(random() % 2) + "\n";
    const auto before = lines_of(texts[0]), after = lines_of(texts[1]);
    int b = 0, a = 0;
    for (const LineEdit& edit : diff_lines(before, after)) {
      if (edit.before >= 0) {
        EXPECT_EQ(edit.before, b++);
      }
      if (edit.after >= 0) {
        EXPECT_EQ(edit.after, a++);
      }
      EXPECT_EQ(edit.before >= 0, edit.kind != Kind::Added);
      EXPECT_EQ(edit.after >= 0, edit.kind != Kind::Removed);
      if (edit.kind == Kind::Same) {
        EXPECT_EQ(before[edit.before], after[edit.after]);
      }
      if (edit.kind == Kind::Changed) {
        EXPECT_NE(before[edit.before], after[edit.after]);
        EXPECT_EQ(subject_of(before[edit.before]), subject_of(after[edit.after]));
      }
    }
    EXPECT_EQ(b, static_cast<int>(before.size()));
    EXPECT_EQ(a, static_cast<int>(after.size()));
  }
}

TEST(TextDiff, IsQuickWhereEverythingDiffers) {
  std::string before, after, alike;
  for (int line = 0; line < 50000; ++line) {
    before += "old " + std::to_string(line) + "\n";
    after += "new " + std::to_string(line) + "\n";
    alike += "}\n";
  }
  EXPECT_EQ(diff(before, after).size(), 100000u);
  EXPECT_EQ(diff(alike, alike + "}\n").size(), 50001u);
}

TEST(TextDiff, ShowsChangesWithTheLinesAroundThem) {
  std::string before = "x\n";
  for (int line = 0; line < 20; ++line) before += std::to_string(line) + "\n";
  const std::string after = "y\n" + before.substr(2) + "z\n";
  const std::vector<DiffHunk> hunks = hunks_of(diff(before, after), 3);
  ASSERT_EQ(hunks.size(), 2u);
  EXPECT_EQ(hunks[0].end - hunks[0].begin, 2u + 3u);
  EXPECT_EQ(hunks[1].end - hunks[1].begin, 3u + 1u);
  EXPECT_TRUE(hunks_of(diff(before, before), 3).empty());
  // Changes that share their surroundings are one.
  EXPECT_EQ(hunks_of(diff(before, after), 30).size(), 1u);

  const nlohmann::ordered_json json = difference_json("a\nb : 1\nc\n", "a\nb : 2\nd\n");
  EXPECT_EQ(json["changed"], 1);
  EXPECT_EQ(json["removed"], 1);
  EXPECT_EQ(json["added"], 1);
  EXPECT_EQ(json["hunks"][0].dump(),
            R"({"before":1,"after":1,"lines":[[" ","a"],["~","b : 1","b : 2"],["-","c"],["+","d"]]})");
}

const char* const kProgram =
    "layer Half(size: int) (x[N, C]) { return x -> Linear(size) as part }\n"
    "model M {\n"
    "  input x: f32[N, 8]\n"
    "  hidden = x -> Linear(16) as fc1 -> BatchNorm1d as bn -> relu\n"
    "             -> Half(12) as half\n"
    "  output y = hidden -> repeat i in 0..2 { Linear(12) as layer{i}.fc -> relu } -> Linear(3) as fc2\n"
    "}\n"
    "data d { split train, val = csv(\"d\", label = -1) -> divide(8, 2)\n"
    "  field x = column(0); field label = column(1) }\n"
    "train M with d { loss = cross_entropy(y, label)\n"
    "  gradient = clip_norm(1)\n"
    "  optimizer = SGD(lr = 0.1, momentum = 0.9) }\n";

constexpr int64_t kCapacity = 32;

class Report : public ::testing::Test {
protected:
  Report() {
    Diagnostics diagnostics;
    file_ = parse("test.nn", kProgram, diagnostics);
    CompileOptions options;
    options.pipeline.capacity = kCapacity;
    history_.attach(options.pipeline, "step");
    Result<Compilation> compilation = lower(module_of(kProgram), true, options);
    EXPECT_TRUE(compilation);
    compilation_ = std::move(*compilation);
  }

  const Graph& graph() const { return compilation_.step.regions; }
  const Program& program() const { return compilation_.step.program; }
  NodeId node(const std::string& value) const {
    const ValueId id = graph().find(value);
    EXPECT_GE(id, 0) << value;
    return graph().values[id].producer;
  }
  nlohmann::ordered_json document() const {
    return graph_json(graph(), program(), LayerCalls(file_, "M"), "generic");
  }

  ast::File file_;
  PassHistory history_;
  Compilation compilation_;
};

TEST_F(Report, TellsThePartsOfAStepApart) {
  const std::vector<StepPart> parts = step_parts(graph());
  EXPECT_EQ(parts[node("loss")], StepPart::Forward);
  EXPECT_EQ(parts[node("fc1.linear")], StepPart::Forward);
  const auto mean =
      std::ranges::find(graph().persistents, graph().find("bn.running_mean"), &Persistent::value);
  ASSERT_NE(mean, graph().persistents.end());
  EXPECT_EQ(parts[graph().values[mean->next].producer], StepPart::Forward);
  EXPECT_EQ(parts[node("fc1.weight.grad")], StepPart::Backward);
  EXPECT_EQ(parts[node("fc1.weight.next")], StepPart::Update);
  EXPECT_EQ(parts[node("fc2.bias/v.next")], StepPart::Update);
  for (const StepPart part : step_parts(compilation_.eval.regions)) EXPECT_EQ(part, StepPart::Forward);
}

TEST_F(Report, NoTwoValuesShareMemoryAtOneTime) {
  const MemoryTimeline timeline = memory_timeline(graph(), kCapacity);
  const std::vector<ValueUse> uses = value_uses(graph());
  ASSERT_EQ(timeline.live.size(), graph().regions.size());
  std::vector<int64_t> live(graph().regions.size());
  for (const MemoryRow& row : timeline.rows) {
    EXPECT_LE(row.offset + row.bytes, graph().arena_bytes);
    if (uses[row.value].writer >= 0) {
      EXPECT_LE(row.first, uses[row.value].writer);
    }
    for (const int reader : uses[row.value].readers) EXPECT_LE(reader, row.last);
    for (int r = row.first; r <= row.last; ++r) live[r] += row.bytes;
    for (const MemoryRow& other : timeline.rows) {
      const bool meets = row.first <= other.last && other.first <= row.last;
      const bool overlaps = row.offset < other.offset + other.bytes && other.offset < row.offset + row.bytes;
      if (row.value < other.value) {
        EXPECT_FALSE(meets && overlaps)
            << graph().values[row.value].name << " and " << graph().values[other.value].name;
      }
    }
  }
  EXPECT_EQ(timeline.live, live);
  EXPECT_EQ(timeline.peak, *std::ranges::max_element(live));
  EXPECT_LE(timeline.peak, graph().arena_bytes);
  // All that is stored is there, in its own place or in that of what it replaces.
  std::size_t stored = 0, replaced = 0;
  for (const Region& region : graph().regions) stored += region.stored.size();
  for (const Persistent& persistent : graph().persistents) replaced += persistent.next >= 0 ? 1 : 0;
  EXPECT_EQ(timeline.rows.size(), graph().inputs.size() + graph().persistents.size() + stored - replaced);
}

TEST_F(Report, DecisionsKnowWhatTheyConcern) {
  const std::vector<Concern> found = concerns(graph());
  ASSERT_EQ(found.size(), graph().decisions.size());
  int kernels = 0;
  for (std::size_t d = 0; d < found.size(); ++d) {
    if (graph().decisions[d].pass != "schedule") continue;
    ++kernels;
    ASSERT_EQ(found[d].regions.size(), 1u) << graph().decisions[d].what;
    EXPECT_EQ(graph().regions[found[d].regions[0]].name, graph().decisions[d].what);
  }
  EXPECT_GT(kernels, 0);
}

TEST_F(Report, CallsOfLayersAreFoundByTheirPath) {
  const LayerCalls calls(file_, "M");
  EXPECT_EQ(calls.of("fc1").line, 4);
  EXPECT_EQ(calls.of("fc1.weight").line, 4);
  EXPECT_EQ(calls.of("half.part.weight").line, 5);
  EXPECT_EQ(calls.of("layer1.fc").line, 6);
  EXPECT_EQ(calls.of("layer1.fc.bias").line, 6);
  EXPECT_FALSE(calls.of("fc").known());
  EXPECT_FALSE(calls.of("fc11").known());
  EXPECT_FALSE(calls.of("layer.fc").known());
  EXPECT_FALSE(calls.of("").known());
  EXPECT_FALSE(LayerCalls(file_, "Other").of("fc1").known());
}

TEST_F(Report, JsonSaysWhatTheGraphSays) {
  const nlohmann::json document = nlohmann::json::parse(json_text(this->document(), 1));
  EXPECT_EQ(document["format"], 1);
  EXPECT_EQ(document["program"], "M.step");
  EXPECT_EQ(document["capacity"], kCapacity);
  EXPECT_EQ(document["values"].size(), graph().values.size());
  EXPECT_EQ(document["statements"].size(), graph().nodes.size());
  ASSERT_EQ(document["kernels"].size(), program().kernels.size());
  double share = 0, flop = 0;
  for (const auto& kernel : document["kernels"]) {
    share += kernel["flop_share"].get<double>();
    flop += kernel["flop"].get<double>();
    for (const auto& statement : kernel["statements"])
      EXPECT_EQ(document["statements"][statement.get<std::size_t>()]["kernel"],
                &kernel - &document["kernels"][0]);
    EXPECT_NE(kernel["text"].get<std::string>().find("kernel "), std::string::npos);
  }
  EXPECT_NEAR(share, 1, 1e-9);
  EXPECT_GT(flop, 0);
  EXPECT_EQ(document["memory"]["arena_bytes"], program().arena_bytes);
  const auto half = std::ranges::find_if(
      document["statements"], [](const auto& statement) { return statement["path"] == "half.part"; });
  ASSERT_NE(half, document["statements"].end());
  EXPECT_EQ((*half)["place"]["line"], 1);
  EXPECT_EQ((*half)["call"]["line"], 5);
}

// The differences of all passes, one after the other, lead from as many lines to as many.
TEST_F(Report, PassesAreRecordedInOrder) {
  std::vector<std::string> names;
  int64_t lines = -1;
  for (const auto& pass : history_.passes()) {
    names.push_back(pass["name"]);
    const int64_t before =
        pass["lines"].get<int64_t>() - pass["added"].get<int64_t>() + pass["removed"].get<int64_t>();
    if (lines >= 0) {
      EXPECT_EQ(before, lines) << names.back();
    }
    lines = pass["lines"];
  }
  ASSERT_GT(names.size(), 5u);
  EXPECT_EQ(names.front(), "expand_calls");
  EXPECT_EQ(names[3], "differentiate");
  EXPECT_EQ(names.back(), "estimate_costs");
}

TEST_F(Report, GraphvizTextIsQuoted) {
  EXPECT_EQ(dot_quoted("a"), R"("a")");
  EXPECT_EQ(dot_quoted("say \"a\\b\"\nnext"), R"("say \"a\\b\"\nnext")");
  EXPECT_EQ(dot_quoted(std::string("a\0b", 3)), R"("ab")");
  Graph hostile = graph();
  hostile.name = "\"];evil[";
  hostile.regions[0].name = "\\\"};";
  const std::string text = graph_dot(hostile);
  EXPECT_TRUE(text.starts_with("digraph \"\\\"];evil[.step\" {\n")) << text.substr(0, 60);
  // Outside of quoted strings there is nothing but Striate's own words.
  std::string outside;
  bool quoted = false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (quoted && text[at] == '\\')
      ++at;
    else if (text[at] == '"')
      quoted = !quoted;
    else if (!quoted)
      outside += text[at];
  }
  EXPECT_FALSE(quoted);
  EXPECT_EQ(outside.find("evil"), std::string::npos);
  EXPECT_EQ(std::ranges::count(outside, '{'), 1);
  EXPECT_EQ(std::ranges::count(outside, '}'), 1);
}

TEST_F(Report, NothingInTheDataIsMarkup) {
  nlohmann::ordered_json document = this->document();
  const std::string hostile = "</script><!--<script>&lt;\xE2\x80\xA8\"\\\x01";
  document["values"][0]["name"] = hostile;
  document["passes"] = "@SCRIPT@ @DATA@";
  const std::string text = json_in_script(document);
  EXPECT_EQ(text.find_first_of("<>&"), std::string::npos);
  EXPECT_EQ(nlohmann::json::parse(text)["values"][0]["name"], hostile);
  // Bytes that are no UTF-8 do not stop the report.
  document["values"][0]["name"] = "a\xFF";
  EXPECT_EQ(nlohmann::json::parse(json_in_script(document))["values"][0]["name"], "a\xEF\xBF\xBD");

  const std::string page = report_page(document);
  const std::size_t data = page.find("id=\"data\">") + 10;
  EXPECT_EQ(page.substr(data, page.find("</script>", data) - data), json_in_script(document));
  // One script of data, one of code, and nothing that would be fetched.
  std::size_t scripts = 0;
  for (std::size_t at = page.find("<script"); at != std::string::npos; at = page.find("<script", at + 1))
    ++scripts;
  EXPECT_EQ(scripts, 2u);
  for (const char* fetched : {"<link", "<img", "<iframe", " src=", " href=", "@import", "url(h", "fetch("})
    EXPECT_EQ(page.find(fetched), std::string::npos) << fetched;
}

} // namespace
} // namespace striate
