// Result<T>: a value, or the Failure that says why there is none. For errors that cross layers: files, data,
// devices. Located errors in `.nn` text go through Diagnostics instead; bugs through CHECK.
#pragma once

#include "support/check.h"

#include <optional>
#include <string>
#include <utility>
#include <variant>

namespace striate {

// The process exit codes (sysexits-like, one meaning each); docs/command-line.md lists them for users.
enum class ExitCode {
  Ok = 0,
  Failed = 1,      // the program is wrong, or a check failed; diagnostics were printed
  Usage = 2,       // wrong command line
  BadData = 3,     // a missing or bad file
  NonFinite = 4,   // a loss or a weight is not finite
  OutOfMemory = 5, // memory ran out, or a limit would be passed
  Internal = 70,   // a bug in Striate
  Interrupted = 130,
  Terminated = 143,
};

struct Failure {
  ExitCode code = ExitCode::BadData;
  std::string message; // lower case, no full stop; names the file or argument at fault
};

template <typename... Args>
Failure bad_data(fmt::format_string<Args...> format, Args&&... args) {
  return {ExitCode::BadData, fmt::format(format, std::forward<Args>(args)...)};
}

template <typename T>
class [[nodiscard]] Result {
public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Failure failure) : state_(std::in_place_index<1>, std::move(failure)) {}

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(value()); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  T& value() {
    CHECK(ok(), "{}", std::get<1>(state_).message);
    return std::get<0>(state_);
  }
  const T& value() const { return const_cast<Result*>(this)->value(); }

  const Failure& failure() const {
    CHECK(!ok());
    return std::get<1>(state_);
  }

private:
  std::variant<T, Failure> state_;
};

// Success without a value, or a Failure.
class [[nodiscard]] Status {
public:
  Status() = default;
  Status(Failure failure) : failure_(std::move(failure)) {}

  bool ok() const { return !failure_; }
  explicit operator bool() const { return ok(); }
  const Failure& failure() const {
    CHECK(!ok());
    return *failure_;
  }

private:
  std::optional<Failure> failure_;
};

} // namespace striate
