#include "runtime/influence/questions/asked_span.h"

#include <fmt/format.h>

#include <charconv>

namespace stemma {

std::string AskedSpan::name() const {
  const std::string tokens =
      end - begin == 1 ? fmt::format("token {}", begin) : fmt::format("tokens {}-{}", begin, end - 1);
  return against.empty() ? tokens : fmt::format("{} against '{}'", tokens, against);
}

std::optional<AskedSpan> AskedSpan::of_method(std::string_view method) {
  constexpr std::string_view start = " of token";
  const size_t at = method.find(start);
  if (at == std::string_view::npos) return {};
  method.remove_prefix(at + start.size());
  if (method.starts_with('s')) method.remove_prefix(1);
  const auto number = [&](int32_t& value) {  // behind one character
    if (method.empty()) return false;
    const auto read = std::from_chars(method.data() + 1, method.data() + method.size(), value);
    method.remove_prefix(static_cast<size_t>(read.ptr - method.data()));
    return read.ec == std::errc();
  };
  AskedSpan span;
  if (!number(span.begin)) return {};
  int32_t last = span.begin;
  if (method.starts_with('-') && !number(last)) return {};
  span.end = last + 1;
  constexpr std::string_view against = " against '";
  if (method.starts_with(against) && method.ends_with('\''))
    span.against = method.substr(against.size(), method.size() - against.size() - 1);
  return span;
}

}  // namespace stemma
