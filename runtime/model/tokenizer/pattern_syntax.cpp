#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <vector>

#include "runtime/error.h"
#include "runtime/model/tokenizer/newer_characters.h"
#include "runtime/model/tokenizer/word_pattern.h"

namespace stemma {

namespace {

// Members of a set, to be written between brackets, or outside of the set that they are the members of.
struct Members {
  std::string text;
  bool outside = false;

  std::string atom() const { return fmt::format("[{}{}]", outside ? "^" : "", text); }
};

constexpr std::string_view white_space =
    R"(\x{9}-\x{d}\x{20}\x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000})";
constexpr size_t longest_written = 1 << 20, most_parts = 64;
constexpr std::string_view hexadecimal = "0-9a-fA-F";

// What Unicode 15 and 16 added to a general category ("L", "Lu").
std::string newer_in(std::string_view category) {
  std::string ranges;
  for (const NewerCharacters& row : newer_characters())
    if (!row.category.empty() && row.category.starts_with(category))
      ranges +=
          fmt::format("\\x{{{:x}}}-\\x{{{:x}}}", static_cast<uint32_t>(row.first), static_cast<uint32_t>(row.last));
  return ranges;
}

std::string of_category(std::string_view category) {
  return fmt::format("\\p{{{}}}{}", category, category.starts_with('C') ? "" : newer_in(category));
}

std::string alphabetic() { return "\\p{Alphabetic}" + newer_in("L"); }

const std::string& word() {
  static const std::string made = alphabetic() + of_category("M") + of_category("Nd") + of_category("Pc");
  return made;
}
// \w that stands outside of a set also takes the superscripts and fractions of Latin-1.
std::string word_alone() { return word() + "\\x{b2}\\x{b3}\\x{b9}\\x{bc}-\\x{be}"; }

// The sets that Oniguruma writes [[:name:]] or \p{name}; nullopt: not one of them.
std::optional<std::string> named_set(std::string_view name) {
  if (name == "alpha" || name == "alphabetic") return alphabetic();
  if (name == "digit") return of_category("Nd");
  if (name == "alnum") return alphabetic() + of_category("Nd");
  if (name == "upper" || name == "uppercase") return "\\p{Uppercase}" + newer_in("Lu");
  if (name == "lower" || name == "lowercase") return "\\p{Lowercase}" + newer_in("Ll");
  if (name == "space" || name == "whitespace") return std::string(white_space);
  if (name == "blank") return "\\x{9}\\p{Zs}";
  if (name == "cntrl") return "\\p{Cc}";
  if (name == "word") return word();
  if (name == "xdigit") return std::string(hexadecimal);
  return {};
}

// The general category that a name stands for; empty: of none.
std::string category_of(const std::string& name) {
  static const std::map<std::string, std::string> names = {{"letter", "L"},
                                                           {"uppercaseletter", "Lu"},
                                                           {"lowercaseletter", "Ll"},
                                                           {"titlecaseletter", "Lt"},
                                                           {"modifierletter", "Lm"},
                                                           {"otherletter", "Lo"},
                                                           {"mark", "M"},
                                                           {"nonspacingmark", "Mn"},
                                                           {"spacingmark", "Mc"},
                                                           {"enclosingmark", "Me"},
                                                           {"number", "N"},
                                                           {"decimalnumber", "Nd"},
                                                           {"letternumber", "Nl"},
                                                           {"othernumber", "No"},
                                                           {"punctuation", "P"},
                                                           {"punct", "P"},
                                                           {"connectorpunctuation", "Pc"},
                                                           {"dashpunctuation", "Pd"},
                                                           {"openpunctuation", "Ps"},
                                                           {"closepunctuation", "Pe"},
                                                           {"initialpunctuation", "Pi"},
                                                           {"finalpunctuation", "Pf"},
                                                           {"otherpunctuation", "Po"},
                                                           {"symbol", "S"},
                                                           {"mathsymbol", "Sm"},
                                                           {"currencysymbol", "Sc"},
                                                           {"modifiersymbol", "Sk"},
                                                           {"othersymbol", "So"},
                                                           {"separator", "Z"},
                                                           {"spaceseparator", "Zs"},
                                                           {"lineseparator", "Zl"},
                                                           {"paragraphseparator", "Zp"},
                                                           {"other", "C"},
                                                           {"control", "Cc"},
                                                           {"format", "Cf"},
                                                           {"unassigned", "Cn"},
                                                           {"privateuse", "Co"},
                                                           {"surrogate", "Cs"}};
  if (const auto place = names.find(name); place != names.end()) return place->second;
  constexpr std::string_view letters = "clmnpsz", subletters = "cdefiklmnopstu";
  if (name.empty() || name.size() > 2 || letters.find(name[0]) == std::string_view::npos) return {};
  std::string category = name;
  category[0] = static_cast<char>(name[0] - 32);
  const bool known = name.size() == 1 || subletters.find(name[1]) != std::string_view::npos;
  return known ? category : "";
}

std::string property(const std::string& written) {
  std::string name;
  for (char c : written)
    if (c != ' ' && c != '_' && c != '-') name += static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
  if (const std::string category = category_of(name); !category.empty()) return of_category(category);
  if (auto set = named_set(name)) return *set;
  constexpr std::array<std::string_view, 9> binary = {
      "any",         "ascii",         "emoji", "emojipresentation",   "math",
      "ideographic", "emojimodifier", "dash",  "extendedpictographic"};
  if (std::find(binary.begin(), binary.end(), name) != binary.end()) return fmt::format("\\p{{{}}}", written);
  return fmt::format("\\p{{sc:{}}}{}", written,
                     name == "han" ? "\\x{2b739}\\x{2ebf0}-\\x{2ee5d}\\x{31350}-\\x{323af}" : "");
}

class Translator {
 public:
  Translator(std::string_view pattern, const std::string& file) : pattern_(pattern), file_(file) {}

  std::string translate() {
    std::string to;
    std::vector<size_t> groups;  // where each open one begins
    size_t atom = 0;             // where the last atom does
    while (at_ < pattern_.size()) {
      if (to.size() > longest_written) unsupported("more classes than a tokenizer's pattern needs");
      const std::string_view rest = pattern_.substr(at_);
      if (rest[0] == '{' && repeat(to, atom)) continue;
      if (rest[0] == ')') {
        if (!groups.empty()) atom = groups.back(), groups.pop_back();
        to += pattern_[at_++];
        continue;
      }
      if (std::string_view("?*+|").find(rest[0]) == std::string_view::npos) atom = to.size();
      if (rest[0] == '[') {
        to += set();
      } else if (rest[0] == '\\') {
        to += escape();
      } else if (rest.starts_with("(?")) {
        groups.push_back(to.size());
        to += options();
      } else {
        if (rest[0] == '(') groups.push_back(to.size());
        to += pattern_[at_++];
      }
    }
    return to;
  }

 private:
  [[noreturn]] void unsupported(const char* what) const {
    throw Error(ErrorCode::unsupported,
                fmt::format("{}: its split pattern has {} at character {}, which is not supported", file_, what, at_));
  }

  // {n,m} after an atom. To Oniguruma {,m} is {0,m}, and a + after it repeats the whole.
  bool repeat(std::string& to, size_t atom) {
    const size_t end = pattern_.find('}', at_);
    if (end == std::string_view::npos || to.empty()) return false;
    std::string_view count = pattern_.substr(at_ + 1, end - at_ - 1);
    if (count.find_first_not_of("0123456789,") != std::string_view::npos || count.size() < 1) return false;
    to += fmt::format("{{{}{}}}", count.starts_with(',') ? "0" : "", count);
    at_ = end + 1;
    if (at_ < pattern_.size() && pattern_[at_] == '+')
      to = fmt::format("{}(?:{})", to.substr(0, atom), to.substr(atom));
    return true;
  }

  // "(?im-x:" and the like. Here m lets a dot be a line's end, which PCRE2 calls s.
  std::string options() {
    std::string to = "(?";
    at_ += 2;
    const size_t end = pattern_.find_first_not_of("imx-", at_);
    if (end != std::string_view::npos && (pattern_[end] == ':' || pattern_[end] == ')'))
      for (; at_ < end; ++at_) to += pattern_[at_] == 'm' ? 's' : pattern_[at_];
    return to;
  }

  // \p{..}, \P{..}, \w and the like from the backslash on; nullopt, and nothing read, for any other escape.
  std::optional<Members> class_escape() {
    const std::string_view rest = pattern_.substr(at_);
    const char letter = rest.size() > 1 ? rest[1] : '\0', lower = static_cast<char>(letter | 0x20);
    const bool upper = letter != lower;
    if (lower == 'p' && rest.size() > 2) {
      const size_t end = rest[2] == '{' ? rest.find('}') : std::string_view::npos;
      if (end == std::string_view::npos) return {};
      std::string name(rest.substr(3, end - 3));
      const bool caret = name.starts_with('^');
      at_ += end + 1;
      return Members{property(caret ? name.substr(1) : name), caret != upper};
    }
    std::string text = lower == 's'   ? std::string(white_space)
                       : lower == 'w' ? word()
                       : lower == 'h' ? std::string(hexadecimal)
                       : lower == 'd' ? of_category("Nd")
                                      : "";
    if (text.empty()) return {};
    at_ += 2;
    return Members{std::move(text), upper};
  }

  // Any other escape as it is, but for \uHHHH.
  std::string plain_escape() {
    const size_t begin = at_;
    at_ = std::min(at_ + 2, pattern_.size());
    if (pattern_.substr(begin, 2) != "\\u" || at_ + 4 > pattern_.size())
      return std::string(pattern_.substr(begin, at_ - begin));
    at_ += 4;
    return fmt::format("\\x{{{}}}", pattern_.substr(begin + 2, 4));
  }

  std::string escape() {
    const std::string_view both = pattern_.substr(at_, 2);
    if (const auto members = class_escape())
      return both == "\\w" || both == "\\W" ? Members{word_alone(), members->outside}.atom() : members->atom();
    if (both == "\\X") unsupported("clusters of characters (\\X)");  // to PCRE2 others than to Oniguruma
    if (both != "\\b" && both != "\\B" && both != "\\O") return plain_escape();
    at_ += 2;
    if (both == "\\O") return "(?s:.)";
    const std::string here = word_alone();
    return both == "\\b" ? fmt::format("(?:(?<=[{0}])(?![{0}])|(?<![{0}])(?=[{0}]))", here)
                         : fmt::format("(?:(?<=[{0}])(?=[{0}])|(?<![{0}])(?![{0}]))", here);
  }

  // What stands side by side in a set: members, and what has no place between brackets.
  struct Union {
    std::string members;
    std::vector<std::string> atoms;

    std::string atom() const {
      std::string all = members.empty() ? "" : fmt::format("[{}]", members);
      for (const std::string& other : atoms) all += (all.empty() ? "" : "|") + other;
      return all.empty() ? "(?!)" : atoms.empty() ? all : fmt::format("(?:{})", all);
    }
    void add(const Members& more) {
      if (more.outside)
        atoms.push_back(more.atom());
      else
        members += more.text;
    }
  };

  // From '[' to its ']', an atom that stands for one character: sets within sets, intersections, complements.
  std::string set() {
    if (++depth_ > 8) unsupported("sets within sets");
    ++at_;
    const bool negated = at_ < pattern_.size() && pattern_[at_] == '^';
    at_ += negated;
    std::vector<Union> terms(1);
    for (bool first = true; at_ < pattern_.size() && (pattern_[at_] != ']' || first); first = false) add_part(terms);
    --depth_;
    if (at_ == pattern_.size()) return "[";  // which PCRE2 then calls broken
    ++at_;
    if (terms.size() == 1 && terms[0].atoms.empty()) return fmt::format("[{}{}]", negated ? "^" : "", terms[0].members);
    std::string all;
    for (size_t i = 0; i < terms.size(); ++i)
      all += i + 1 < terms.size() ? fmt::format("(?={})", terms[i].atom()) : terms[i].atom();
    return negated ? fmt::format("(?:(?!{})(?s:.))", all) : fmt::format("(?:{})", all);
  }

  void add_part(std::vector<Union>& terms) {
    const std::string_view rest = pattern_.substr(at_);
    Union& to = terms.back();
    if (to.members.size() > longest_written || to.atoms.size() + terms.size() > most_parts)
      unsupported("more classes than a tokenizer's pattern needs");
    if (rest.starts_with("&&")) {
      at_ += 2;
      terms.emplace_back();
    } else if (rest.starts_with("[:") && rest.find(":]") != std::string_view::npos) {
      to.add(posix_set());
    } else if (rest.starts_with('[')) {
      const std::string inner = set();
      if (inner.starts_with('[') && !inner.starts_with("[^"))
        to.members += inner.substr(1, inner.size() - 2);
      else
        to.atoms.push_back(inner);
    } else if (rest.starts_with('\\')) {
      if (const auto members = class_escape())
        to.add(*members);
      else
        to.members += plain_escape();
    } else {
      if (rest[0] == '^' || rest[0] == ']') to.members += '\\';
      to.members += pattern_[at_++];
    }
  }

  // [:name:] and [:^name:]
  Members posix_set() {
    const size_t end = pattern_.find(":]", at_);
    std::string name(pattern_.substr(at_ + 2, end - at_ - 2));
    const bool negated = name.starts_with('^');
    if (negated) name.erase(0, 1);
    const auto set = name == "punct" ? std::optional(of_category("P") + of_category("S")) : named_set(name);
    if (!set) unsupported("a class of this name");
    at_ = end + 2;
    return {*set, negated};
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
