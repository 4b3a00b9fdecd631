#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "runtime/template/values/escape.h"
#include "runtime/template/values/format.h"
#include "runtime/template/values/operators.h"
#include "runtime/template/values/print.h"

namespace stemma::jinja {

namespace {

class Braces {
 public:
  Braces(const Arguments& arguments, bool escapes) : arguments_(arguments), escapes_(escapes) {}

  std::string format(std::string_view pattern, int depth) {
    if (depth > 1) throw Fault("Max string recursion exceeded");
    Builder made;
    for (size_t at = 0; at < pattern.size();) {
      const size_t brace = std::min(pattern.find_first_of("{}", at), pattern.size());
      made.add(pattern.substr(at, brace - at));
      at = brace;
      if (at == pattern.size()) break;
      if (at + 1 < pattern.size() && pattern[at + 1] == pattern[at]) {
        made.add(pattern.substr(at, 1));
        at += 2;
        continue;
      }
      if (pattern[at] == '}') throw Fault("Single '}' encountered in format string");
      const size_t end = end_of_field(pattern, at);
      made.add(field(pattern.substr(at + 1, end - at - 1), depth));
      at = end + 1;
    }
    return made.take();
  }

 private:
  static size_t end_of_field(std::string_view pattern, size_t at) {
    int open = 0;
    for (size_t i = at; i < pattern.size(); ++i) {
      if (pattern[i] == '{') ++open;
      if (pattern[i] == '}' && --open == 0) return i;
    }
    throw Fault("expected '}' before end of string");
  }

  std::string field(std::string_view text, int depth) {
    const size_t name_end = std::min(text.find_first_of("!:"), text.size());
    Value value = look_up(text.substr(0, name_end));
    std::string_view rest = text.substr(name_end);
    if (rest.starts_with("!")) {
      if (rest.size() < 2 || (rest.size() > 2 && rest[2] != ':'))
        throw Fault("expected ':' after conversion specifier");
      const char conversion = rest[1];
      if (conversion != 's' && conversion != 'r' && conversion != 'a') throw Fault("Unknown conversion specifier");
      value = make_text(conversion == 's'   ? printed(value)
                        : conversion == 'r' ? representation(value)
                                            : ascii_representation(value));
      rest = rest.substr(2);
    }
    const std::string spec = rest.empty() ? std::string() : format(rest.substr(1), depth + 1);
    if (escapes_ && value.is_text() && value.text().markup) {
      if (!spec.empty()) throw Fault("Unsupported format specification for Markup.");
      return value.text().bytes;
    }
    std::string made = formatted(value, parse_format(spec));
    return escapes_ ? escaped(made) : made;
  }

  // "0.name[key]", "name", "" for the next.
  Value look_up(std::string_view path) {
    const size_t end = std::min(path.find_first_of(".["), path.size());
    Value value = first(path.substr(0, end));
    for (size_t at = end; at < path.size();) {
      if (path[at] == '.') {
        const size_t next = std::min(path.find_first_of(".[", at + 1), path.size());
        if (next == at + 1) throw Fault("Empty attribute in format string");
        value = attribute_of(value, path.substr(at + 1, next - at - 1));
        at = next;
      } else if (path[at] == '[') {
        const size_t close = path.find(']', at);
        if (close == std::string_view::npos) throw Fault("Missing ']' in format string");
        if (close == at + 1) throw Fault("Empty attribute in format string");
        const std::string_view key = path.substr(at + 1, close - at - 1);
        value = item_of(value, is_index(key) ? Value(index_of(key)) : make_text(std::string(key)));
        at = close + 1;
      } else {
        throw Fault("Only '.' or '[' may follow ']' in format field specifier");
      }
    }
    return value;
  }

  static bool is_index(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isdigit(c); });
  }

  static int64_t index_of(std::string_view text) {
    if (text.size() > 9) throw Fault("Too many decimal digits in format string");
    return std::stoll(std::string(text));
  }

  Value first(std::string_view name) {
    if (name.empty() || is_index(name)) {
      const Numbering now = name.empty() ? Numbering::automatic : Numbering::manual;
      if (numbering_ != Numbering::none && numbering_ != now)
        throw Fault("cannot switch between manual field specification and automatic field numbering");
      numbering_ = now;
      const size_t index = name.empty() ? next_++ : static_cast<size_t>(index_of(name));
      if (index >= arguments_.positional.size())
        throw Fault("Replacement index out of range for positional args tuple");
      return arguments_.positional[index];
    }
    work(1 + static_cast<int64_t>(arguments_.named.size()) / 8);
    for (const auto& [key, value] : arguments_.named)
      if (key == name) return value;
    throw Fault(fmt::format("KeyError: '{}'", name));
  }

  enum class Numbering { none, automatic, manual };

  const Arguments& arguments_;
  const bool escapes_;
  Numbering numbering_ = Numbering::none;
  size_t next_ = 0;
};

}  // namespace

std::string brace_format(std::string_view pattern, const Arguments& arguments, bool escapes) {
  return Braces(arguments, escapes).format(pattern, 0);
}

}  // namespace stemma::jinja
