#include <fmt/format.h>

#include "runtime/error.h"
#include "runtime/model/tokenizer/word_pattern.h"

namespace stemma {

namespace {

constexpr std::string_view space =
    R"(\x{9}-\x{d}\x{20}\x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000})";
constexpr std::string_view word = R"(\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\x{b2}\x{b3}\x{b9}\x{bc}-\x{be})";
constexpr std::string_view hexadecimal = "0-9a-fA-F";

class Translator {
 public:
  Translator(std::string_view pattern, const std::string& file) : pattern_(pattern), file_(file) {}

  std::string translate() {
    std::string to;
    while (at_ < pattern_.size()) {
      if (pattern_[at_] == '[')
        to += set();
      else if (pattern_[at_] == '\\')
        to += escape(false);
      else
        to += pattern_[at_++];
    }
    return to;
  }

 private:
  [[noreturn]] void unsupported(const char* what) const {
    throw Error(ErrorCode::unsupported,
                fmt::format("{}: its split pattern has {} at character {}, which is not supported", file_, what, at_));
  }

  // Of a character class escape, the set between brackets; empty for any other.
  static std::string_view set_of(char letter) {
    return letter == 's' ? space : letter == 'w' ? word : letter == 'h' ? hexadecimal : std::string_view();
  }

  std::string escape(bool inside) {
    if (at_ + 1 >= pattern_.size()) return std::string(pattern_.substr(at_++));
    const char letter = pattern_[at_ + 1];
    const std::string_view set = set_of(letter), other = set_of(static_cast<char>(letter | 0x20));
    if (set.empty() && !other.empty() && inside) unsupported("a negated class within a set");
    const std::string_view both = pattern_.substr(at_, 2);
    at_ += 2;
    if (!set.empty()) return inside ? std::string(set) : fmt::format("[{}]", set);
    if (!other.empty()) return fmt::format("[^{}]", other);
    return std::string(both);
  }

  // From '[' to its ']'. [a&&[b]] becomes (?:(?=[b])[a]).
  std::string set() {
    if (++depth_ > 8) unsupported("sets within sets");
    std::string to = "[", condition;
    ++at_;
    if (at_ < pattern_.size() && pattern_[at_] == '^') to += pattern_[at_++];
    for (bool first = true; at_ < pattern_.size() && (pattern_[at_] != ']' || first); first = false) {
      const std::string_view rest = pattern_.substr(at_);
      if (rest.starts_with("&&[")) {
        if (to.starts_with("[^")) unsupported("a negated intersection");
        at_ += 2;
        condition += fmt::format("(?={})", set());
      } else if (rest.starts_with("&&")) {
        unsupported("an intersection without brackets");
      } else if (rest.starts_with("[:")) {
        const size_t end = rest.find(":]");
        if (end == std::string_view::npos) unsupported("an unfinished class");
        to += rest.substr(0, end + 2);
        at_ += end + 2;
      } else if (rest.starts_with('[')) {  // a union
        const std::string inner = set();
        if (!inner.starts_with('[') || inner.starts_with("[^")) unsupported("a negated set within a set");
        to += inner.substr(1, inner.size() - 2);
      } else if (rest.starts_with('\\')) {
        to += escape(true);
      } else {
        to += pattern_[at_++];
      }
    }
    --depth_;
    if (at_ < pattern_.size()) to += pattern_[at_++];
    return condition.empty() ? to : fmt::format("(?:{}{})", condition, to);
  }

  std::string_view pattern_;
  const std::string& file_;
  size_t at_ = 0;
  int depth_ = 0;
};

}  // namespace

std::string in_pcre_syntax(std::string_view pattern, const std::string& file) {
  return Translator(pattern, file).translate();
}

}  // namespace stemma
