// One span of a trace's tokens that is asked about, instead of its steps.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace stemma {

// Tokens [begin, end) of a trace: what made them likely. With `against`, what made them likelier than that text in
// their place: the measured function is log p(span | before) - log p(against | before).
struct AskedSpan {
  int32_t begin = 0, end = 0;
  std::string against;

  bool operator==(const AskedSpan&) const = default;
  std::string name() const;  // "tokens 12-14 against '8'", as a table's method shows it
  // Of a table's method, "ekfac of tokens 12-14", where a session was saved before tables kept their span; nothing
  // where its rows are steps.
  static std::optional<AskedSpan> of_method(std::string_view method);
};

}  // namespace stemma
