#include "support/byte_size.h"

#include <fmt/format.h>

#include <cmath>
#include <cstdlib>
#include <iterator>

namespace striate {

std::optional<int64_t> parse_bytes(const std::string& text) {
  char* end = nullptr;
  const double number = std::strtod(text.c_str(), &end);
  std::string unit(end);
  if (end == text.c_str() || !std::isfinite(number) || number < 0) return std::nullopt;
  if (!unit.empty() && unit[0] == ' ') unit.erase(0, 1);
  static constexpr struct {
    const char* name;
    double bytes;
  } kUnits[] = {{"", 1},
                {"B", 1},
                {"kB", 1e3},
                {"KB", 1e3},
                {"MB", 1e6},
                {"GB", 1e9},
                {"TB", 1e12},
                {"KiB", 1024.0},
                {"MiB", 1048576.0},
                {"GiB", 1073741824.0},
                {"TiB", 1099511627776.0}};
  for (const auto& [name, bytes] : kUnits)
    if (unit == name && number * bytes <= 0x1p53) return static_cast<int64_t>(number * bytes);
  return std::nullopt;
}

std::string bytes_text(int64_t bytes) {
  static constexpr const char* kUnits[] = {"bytes", "kB", "MB", "GB", "TB"};
  double value = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (; value >= 999.95 && unit + 1 < std::size(kUnits); ++unit) value /= 1000;
  return unit == 0 ? fmt::format("{} bytes", bytes) : fmt::format("{:.1f} {}", value, kUnits[unit]);
}

} // namespace striate
