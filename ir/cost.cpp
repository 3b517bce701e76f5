#include "ir/cost.h"

#include "ir/text_reader.h"

#include "ir/expression_text.h"

#include <charconv>
#include <cmath>

namespace striate {

double three_digits(double value) {
  const std::string text = fmt::format("{:.2e}", value);
  double rounded = 0;
  std::from_chars(text.data(), text.data() + text.size(), rounded);
  return rounded;
}

double predicted_seconds(const Cost& cost, const MachineSpeed& speed) {
  return three_digits(speed.least_seconds(cost.flops, cost.bytes()));
}

std::string cost_text(const Cost& cost) {
  std::string text =
      fmt::format("cost flops {} read {} written {} intensity {}", number_text(cost.flops), cost.bytes_read,
                  cost.bytes_written, number_text(three_digits(cost.intensity())));
  if (cost.predicted > 0) text += " predicted " + number_text(cost.predicted);
  if (cost.measured > 0) text += " measured " + number_text(cost.measured);
  return text;
}

Cost read_cost(TextReader& reader) {
  const auto amount = [&](const char* what) {
    const double value = reader.number();
    if (!(value >= 0) || !std::isfinite(value)) reader.fail("{} of a cost is a number from 0", what);
    return value;
  };
  const auto seconds = [&](const char* what) {
    const double value = amount(what);
    if (value == 0) reader.fail("{} of a cost is more than 0 seconds", what);
    return value;
  };
  const auto bytes = [&](const char* what) {
    const int64_t value = reader.integer();
    if (value < 0) reader.fail("{} of a cost is a number of bytes", what);
    return value;
  };
  Cost cost;
  reader.expect("flops");
  cost.flops = amount("`flops`");
  reader.expect("read");
  cost.bytes_read = bytes("`read`");
  reader.expect("written");
  cost.bytes_written = bytes("`written`");
  reader.expect("intensity");
  const double intensity = amount("`intensity`");
  const double right = three_digits(cost.intensity());
  if (!reader.failed() && intensity != right)
    reader.fail("the intensity of a cost is {}, its flops and bytes say {}", number_text(intensity),
                number_text(right));
  if (reader.take("predicted")) cost.predicted = seconds("`predicted`");
  if (reader.take("measured")) cost.measured = seconds("`measured`");
  return cost;
}

} // namespace striate
