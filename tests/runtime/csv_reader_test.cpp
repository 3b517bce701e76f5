#include "runtime/data_readers.h"

#include "tests/runtime/scratch.h"

namespace striate {

static Result<Table> parse(std::string_view text, const CsvOptions& options = {}) {
  DataFit fit;
  return parse_csv(text, "x.csv", options, fit);
}

static std::string csv_error(std::string_view text, const CsvOptions& options = {}) {
  const Result<Table> table = parse(text, options);
  return table.ok() ? "" : table.failure().message;
}

static std::vector<float> floats(const Column& column) {
  const auto values = column.values.as<float>();
  return {values.begin(), values.end()};
}
static std::vector<int32_t> integers(const Column& column) {
  const auto values = column.values.as<int32_t>();
  return {values.begin(), values.end()};
}

TEST(Csv, WithHeaderAndLabel) {
  CsvOptions options;
  options.label = "kind";
  const Result<Table> table =
      parse("\xEF\xBB\xBFkind, height ,width\r\n1,2.5,-3e2\r\n\r\n0,\"+4\", 5 \r\n", options);
  ASSERT_TRUE(table.ok()) << table.failure().message;
  EXPECT_EQ(table->columns[0].values.type_text(), "f32[2,2]");
  const auto features = table->columns[0].values.as<float>();
  EXPECT_EQ(std::vector<float>(features.begin(), features.end()), (std::vector<float>{2.5f, -300, 4, 5}));
  EXPECT_EQ(table->columns[1].values.type_text(), "i32[2]");
  EXPECT_EQ(table->columns[1].values.as<int32_t>()[0], 1);
}

TEST(Csv, ColumnsByNameAndIndex) {
  CsvOptions options;
  options.parts[0].columns = {"c", "0"};
  options.label = "-1";
  const Result<Table> table = parse("a,b,c,d\n1,text,3,0.5\n5,,7,1\n", options);
  ASSERT_TRUE(table.ok()) << table.failure().message;
  const auto features = table->columns[0].values.as<float>();
  EXPECT_EQ(std::vector<float>(features.begin(), features.end()), (std::vector<float>{3, 1, 7, 5}));
  EXPECT_EQ(table->columns[1].values.type_text(), "f32[2]") << "0.5 is no class";
  options.label = "e";
  EXPECT_EQ(csv_error("a,b,c\n1,2,3\n", options), "`x.csv` has no column `e` (a, b, c)");
  options.label = "4";
  EXPECT_EQ(csv_error("1,2,3\n", options),
            "`x.csv` has no column `4` (no header was found; indices go from 0 to 2)");
}

TEST(Csv, WithoutHeader) {
  const Result<Table> table = parse("1;2\n3;4", {.separator = ';'});
  ASSERT_TRUE(table.ok());
  EXPECT_EQ(table->columns.size(), 1u);
  EXPECT_EQ(table->columns[0].values.as<float>()[3], 4);
  EXPECT_EQ(parse("150,4,setosa\n1,2\n3,4\n")->rows(), 2) << "a title line is no header";
  EXPECT_EQ(parse("1,2\n3,4\n", {.header = CsvOptions::Header::Present})->rows(), 1);
}

TEST(Csv, ErrorsHaveAPlace) {
  EXPECT_EQ(csv_error("a,b\n1,2\n3,\n"), "x.csv:3:3: the cell of column `b` is blank");
  EXPECT_EQ(csv_error("a,b\n1,2\n3,  \n"), "x.csv:3:3: the cell of column `b` is blank");
  EXPECT_EQ(csv_error("a,b\n1, 2x\n1,2\n"), "x.csv:2:4: `2x` in column `b` is not a finite number");
  EXPECT_EQ(csv_error("a,b\n1,nan\n1,2\n"), "x.csv:2:3: `nan` in column `b` is not a finite number");
  EXPECT_EQ(csv_error("a,b\n1,1e99\n1,2\n"), "x.csv:2:3: `1e99` in column `b` is not a finite number");
  EXPECT_EQ(csv_error("1,2\n3,4,5\n"), "x.csv:2:5: this line has 3 cells, but the lines before have 2");
  EXPECT_EQ(csv_error("1,2\n3\n"), "x.csv:2:1: this line has 1 cells, but the lines before have 2");
  EXPECT_EQ(csv_error("1,\"2\n"), "x.csv:1:3: this quoted cell is not closed");
  EXPECT_EQ(csv_error("1,\"2\" 3\n"), "x.csv:1:6: text follows a closing quote");
  EXPECT_EQ(csv_error(""), "`x.csv` is empty");
  EXPECT_EQ(csv_error("a,b\n"), "`x.csv` has a header but no rows");
}

TEST(Csv, NeverCrashes) {
  const std::string text = "kind,\"height\",width\n1,2.5,-3e2\n0,\"+4\",5\n";
  for (std::size_t size = 0; size <= text.size(); ++size) (void)parse(text.substr(0, size)).ok();
  flip_bits(text, 3000, [](const std::string& damaged) { return parse(damaged).ok(); });
}

TEST(Csv, QuotesMayHoldAnything) {
  CsvOptions options;
  options.label = "0";
  options.parts[0].columns = {"1"};
  options.header = CsvOptions::Header::Absent;
  DataFit fit;
  const Result<Table> table =
      parse_csv("\"say \"\"hi\"\", twice\",1\n\"two\nlines\",2\nx,3x\n", "x.csv", options, fit);
  EXPECT_EQ(table.failure().message, "x.csv:4:3: `3x` in column `1` is not a finite number")
      << "lines are counted within quotes";
  fit = {};
  const Result<Table> sound =
      parse_csv("\"say \"\"hi\"\", twice\",1\n\"two\nlines\",2\n", "x.csv", options, fit);
  ASSERT_TRUE(sound.ok()) << sound.failure().message;
  EXPECT_EQ(fit.classes, (std::vector<std::string>{"say \"hi\", twice", "two\nlines"}));
}

TEST(Csv, BlanksByADeclaredPolicy) {
  const std::string text = "a,b\n1,2\n,4\n5,\n";
  EXPECT_EQ(csv_error(text), "x.csv:3:1: the cell of column `a` is blank");
  CsvOptions options;
  options.blank = CsvOptions::Blank::Value;
  options.blank_value = -1;
  EXPECT_EQ(floats(parse(text, options)->columns[0]), (std::vector<float>{1, 2, -1, 4, 5, -1}));
  options.blank = CsvOptions::Blank::Mean;
  DataFit fit;
  EXPECT_EQ(floats(parse_csv(text, "x.csv", options, fit)->columns[0]),
            (std::vector<float>{1, 2, 3, 4, 5, 3}));
  EXPECT_EQ(fit.csv.at("a").mean, 3);
  // Another file's blanks are the means of the first.
  EXPECT_EQ(floats(parse_csv("a,b\n100,\n,200\n", "y.csv", options, fit)->columns[0]),
            (std::vector<float>{100, 3, 3, 200}));
  // Only of the training rows.
  DataFit first_row;
  const FitRows rows = [](int64_t count) {
    EXPECT_EQ(count, 3);
    return std::vector<int64_t>{0};
  };
  EXPECT_EQ(floats(parse_csv(text, "x.csv", options, first_row, rows)->columns[0]),
            (std::vector<float>{1, 2, 1, 4, 5, 2}));
  options.missing = "?";
  EXPECT_EQ(floats(parse("a\n1\n?\n", options)->columns[0]), (std::vector<float>{1, 1}));
  EXPECT_EQ(csv_error("a,b\n,1\n,2\n", options),
            "`x.csv`: all cells of column `a` are blank in the training split");
  options.label = "a";
  EXPECT_EQ(csv_error(text, options), "x.csv:3:1: the cell of column `a` is blank")
      << "a label is never made up";
}

TEST(Csv, WordsBecomeNumbers) {
  const std::string text = "size,place\n1,sea\n2,hill\n3,sea\n4,bay\n";
  EXPECT_EQ(csv_error(text),
            "x.csv:2:3: `sea` in column `place` is not a finite number (`words = true` turns "
            "words into numbers)");
  CsvOptions options;
  options.words = true;
  options.parts.push_back({{"place"}, true});
  DataFit fit;
  const FitRows rows = [](int64_t) { return std::vector<int64_t>{0, 1, 2}; };
  const Result<Table> table = parse_csv(text, "x.csv", options, fit, rows);
  ASSERT_TRUE(table.ok()) << table.failure().message;
  EXPECT_EQ(fit.csv.at("place").words, (std::vector<std::string>{"hill", "sea"}));
  EXPECT_EQ(table->columns[0].values.type_text(), "f32[4,3]");
  EXPECT_EQ(floats(table->columns[0]), (std::vector<float>{1, 0, 1, 2, 1, 0, 3, 0, 1, 4, 0, 0}))
      << "a word that no training row has is all zeros";
  EXPECT_EQ(integers(table->columns[1]), (std::vector<int32_t>{1, 0, 1, 2}));
  // The words of the first file hold for the second, whose own are others.
  const Result<Table> other = parse_csv("size,place\n1,bay\n2,sea\n", "y.csv", options, fit);
  EXPECT_EQ(integers(other->columns[1]), (std::vector<int32_t>{2, 1}));
  EXPECT_EQ(other->columns[0].values.type_text(), "f32[2,3]");
}

TEST(Csv, NumbersMixedWithWordsAreNotGuessedAt) {
  CsvOptions options;
  options.words = true;
  EXPECT_EQ(csv_error("a,b\n1,2\n1,N/A\n", options), "x.csv:3:3: `N/A` in column `b` is not a finite number");
  options.parts = {{{"b"}, true}};
  EXPECT_EQ(integers(parse("a,b\n1,2\n1,N/A\n", options)->columns[0]), (std::vector<int32_t>{0, 1}))
      << "as codes, all cells are words";
}

TEST(Csv, LabelsMayBeWords) {
  CsvOptions options;
  options.label = "-1";
  DataFit fit;
  const Result<Table> table = parse_csv("a,kind\n1,setosa\n2,virginica\n3,setosa\n", "x.csv", options, fit);
  ASSERT_TRUE(table.ok()) << table.failure().message;
  EXPECT_EQ(integers(table->columns[1]), (std::vector<int32_t>{0, 1, 0}));
  EXPECT_EQ(fit.classes, (std::vector<std::string>{"setosa", "virginica"}));
  const Result<Table> other = parse_csv("a,kind\n1,versicolor\n", "y.csv", options, fit);
  EXPECT_EQ(other.failure().message, "y.csv:2:3: no row of the training split has the label `versicolor`");
}

TEST(Csv, UnusedPartsReadNothing) {
  CsvOptions options;
  options.parts[0].used = false;
  options.parts.push_back({{"a"}});
  const Result<Table> table = parse("a,b\n1,word\n", options);
  ASSERT_TRUE(table.ok()) << table.failure().message;
  EXPECT_EQ(table->columns[0].values.type_text(), "f32[1,0]");
  EXPECT_EQ(floats(table->columns[1]), (std::vector<float>{1}));
}

using CsvFiles = Scratch;

TEST_F(CsvFiles, SeveralAreOneAfterTheOther) {
  const std::string first = write("a.csv", "x,y\n1,2\n"), second = write("b.csv", "x,y\n3,4\n"),
                    other = write("c.csv", "y,x\n3,4\n");
  DataFit fit;
  EXPECT_EQ(floats(read_csv({first, second}, {}, fit)->columns[0]), (std::vector<float>{1, 2, 3, 4}));
  EXPECT_EQ(read_csv({first, other}, {}, fit).failure().message,
            "`" + other + "` has other columns than `" + first + "`");
}

TEST(Csv, CaliforniaHousing) {
  const std::string file = shared_data("tabular/california_housing.csv");
  if (file.empty()) GTEST_SKIP() << "no shared data";
  CsvOptions options;
  options.label = "median_house_value";
  options.blank = CsvOptions::Blank::Mean;
  options.words = true;
  DataFit fit;
  const Result<Table> table = read_csv({file}, options, fit);
  ASSERT_TRUE(table.ok()) << table.failure().message;
  EXPECT_EQ(table->columns[0].values.type_text(), "f32[20640,13]");
  EXPECT_EQ(fit.csv.at("ocean_proximity").words,
            (std::vector<std::string>{"<1H OCEAN", "INLAND", "ISLAND", "NEAR BAY", "NEAR OCEAN"}));
  EXPECT_NEAR(fit.csv.at("total_bedrooms").mean, 537.87, 0.01);
}

} // namespace striate
