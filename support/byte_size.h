// Amounts of memory as people write them: "2GiB", "1.5 GB", "300MB", "4096".
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace striate {

// Nothing where it is no amount, or one beyond 2^53 bytes.
std::optional<int64_t> parse_bytes(const std::string& text);

// "765.5 MB", to four digits or so; in powers of 1000.
std::string bytes_text(int64_t bytes);

} // namespace striate
