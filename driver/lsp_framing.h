// The frames of the language server's messages: headers, an empty line, and as many bytes as Content-Length
// says. Assumes nothing of the bytes. Guarantees: a message is given as soon as its last byte is there; what
// is no frame is refused with a reason, and nothing after it is read, since nobody can tell where the next
// message begins. Shown by tests/driver/lsp_framing_test.cpp.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace striate::lsp {

inline constexpr std::size_t kHeaderLimit = std::size_t{1} << 13;
inline constexpr std::size_t kBodyLimit = std::size_t{1} << 26;

class FrameReader {
public:
  enum class State { Incomplete, Message, Broken };

  void append(std::string_view bytes) { buffer_ += bytes; }
  // The next message's text in `body`, where there is one.
  State next(std::string& body);
  // Why it is Broken.
  const std::string& problem() const { return problem_; }
  // Whether a message has begun that is not all there.
  bool is_inside() const { return !buffer_.empty(); }

private:
  std::string buffer_;
  std::string problem_;
};

std::string framed(std::string_view body);

} // namespace striate::lsp
