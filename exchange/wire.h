// The wire format of protocol buffers, read and written: fields of a message in order, nothing of what they
// mean. Reading is strict: a varint has at most ten bytes, a length never leaves its message, groups are
// refused. A field is a view into the bytes: nothing is copied, and nothing is allocated. Messages within
// messages are the caller's to open, so how deep they nest is bounded by the caller's code, never by the
// file. Shown by tests/exchange/wire_test.cpp.
#pragma once

#include "support/result.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace striate {

struct WireField {
  enum class Kind { Varint, Fixed64, Bytes, Fixed32 };
  uint32_t number = 0;
  Kind kind = Kind::Varint;
  uint64_t value = 0;     // Varint, Fixed32 and Fixed64
  std::string_view bytes; // Bytes

  int64_t integer() const { return static_cast<int64_t>(value); }
  float real() const; // of Fixed32
};

class WireReader {
public:
  explicit WireReader(std::string_view message) : rest_(message) {}

  // False at the end of the message, and where the bytes are no message: then failed() says so.
  bool next(WireField& field);
  bool failed() const { return failed_; }

private:
  bool varint(uint64_t& value);
  bool fixed(int bytes, uint64_t& value);

  std::string_view rest_;
  bool failed_ = false;
};

// Numbers of a repeated field, which stand alone or packed. False where the bytes are damaged.
bool add_varints(const WireField& field, std::vector<int64_t>& numbers);
bool add_floats(const WireField& field, std::vector<float>& numbers);
bool add_doubles(const WireField& field, std::vector<double>& numbers);

class WireWriter {
public:
  void varint(uint32_t number, uint64_t value);
  void bytes(uint32_t number, std::string_view value); // a text, or a message
  void real(uint32_t number, float value);
  const std::string& text() const { return text_; }

private:
  void raw_varint(uint64_t value);
  std::string text_;
};

} // namespace striate
