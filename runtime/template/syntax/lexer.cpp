#include "runtime/template/syntax/lexer.h"

#include <fmt/format.h>

#include <algorithm>

#include "runtime/template/values/characters.h"
#include "runtime/template/values/letters.h"

namespace stemma::jinja {

namespace {

using Kind = Token::Kind;

// \r\n and \r become \n, and one \n at the end goes.
std::string with_plain_lines(std::string_view source) {
  std::string text;
  text.reserve(source.size());
  for (size_t at = 0; at < source.size(); ++at) {
    if (source[at] == '\r' && at + 1 < source.size() && source[at + 1] == '\n') continue;
    text += source[at] == '\r' ? '\n' : source[at];
  }
  if (text.ends_with('\n')) text.pop_back();
  return text;
}

class Lexer {
 public:
  explicit Lexer(std::string_view source) : kept_(with_plain_lines(source)), text_(kept_) {}

  std::vector<Token> run() {
    while (at_ < text_.size()) read_data();
    add(Kind::end, "");
    return std::move(tokens_);
  }

 private:
  void add(Kind kind, std::string_view text) {
    Token token;
    token.kind = kind;
    token.text = text;
    token.line = line_;
    tokens_.push_back(std::move(token));
  }

  void advance(size_t bytes) {
    line_ += static_cast<int>(std::count(text_.begin() + at_, text_.begin() + at_ + bytes, '\n'));
    at_ += bytes;
    if (bytes) line_begins_ = text_[at_ - 1] == '\n';
  }

  size_t spaces_from(size_t at) const {
    size_t end = at;
    while (end < text_.size() && is_space(character_at(text_, end))) end += bytes_of_character(text_, end);
    return end - at;
  }

  bool here(std::string_view part) const { return text_.substr(at_).starts_with(part); }

  // Text up to the next {{, {% or {#, stripped as the sign of that tag and lstrip_blocks ask; then the tag itself.
  void read_data() {
    size_t tag = text_.find('{', at_);
    while (tag != std::string_view::npos &&
           (tag + 1 >= text_.size() || std::string_view("{%#").find(text_[tag + 1]) == std::string_view::npos))
      tag = text_.find('{', tag + 1);
    if (tag == std::string_view::npos) {
      add(Kind::data, text_.substr(at_));
      return advance(text_.size() - at_);
    }
    const char sort = text_[tag + 1];
    size_t raw_end = 0;
    const bool raw = sort == '%' && opens_raw(tag, raw_end);
    const char sign = sign_at(tag + 2);
    add_data(tag, sign, sort != '{');
    advance(tag - at_);
    if (raw) {
      advance(raw_end - tag);
      return read_raw();
    }
    const int begin_line = line_;
    advance(sign ? 3 : 2);
    if (sort == '#') return read_comment(begin_line);
    add(sort == '{' ? Kind::variable_begin : Kind::block_begin, "");
    read_tag(sort == '{');
  }

  char sign_at(size_t at) const {
    return at < text_.size() && (text_[at] == '-' || text_[at] == '+') ? text_[at] : '\0';
  }

  void add_data(size_t end, char sign, bool strips_line) {
    std::string_view data = text_.substr(at_, end - at_);
    if (sign == '-') {
      data = stripped(data, nullptr, false, true);
    } else if (sign != '+' && strips_line) {
      const size_t newline = data.rfind('\n');
      const size_t begin = newline == std::string_view::npos ? 0 : newline + 1;
      if ((begin > 0 || line_begins_) && stripped(data.substr(begin), nullptr, true, false).empty())
        data = data.substr(0, begin);
    }
    if (!data.empty()) add(Kind::data, data);
  }

  // {%-? raw -?%}
  bool opens_raw(size_t tag, size_t& end) const {
    size_t at = tag + 2 + (sign_at(tag + 2) ? 1 : 0);
    at += spaces_from(at);
    if (!text_.substr(at).starts_with("raw")) return false;
    at += 3;
    at += spaces_from(at);
    if (text_.substr(at).starts_with("-%}")) {
      end = at + 3 + spaces_from(at + 3);
      return true;
    }
    end = at + 2;
    return text_.substr(at).starts_with("%}");
  }

  void read_raw() {
    for (size_t tag = text_.find("{%", at_); tag != std::string_view::npos; tag = text_.find("{%", tag + 1)) {
      const char sign = sign_at(tag + 2);
      size_t at = tag + 2 + (sign ? 1 : 0);
      at += spaces_from(at);
      if (!text_.substr(at).starts_with("endraw")) continue;
      at += 6;
      at += spaces_from(at);
      const size_t end = end_of_block(at);
      if (!end) continue;
      add_data(tag, sign, true);
      return advance(end - at_);
    }
    if (at_ < text_.size()) throw SyntaxFault(line_, "Missing end of raw directive");
  }

  // Past "+%}", "-%}" and white space, or "%}" and a newline; 0 where none of them stands at `at`.
  size_t end_of_block(size_t at) const {
    const std::string_view rest = text_.substr(std::min(at, text_.size()));
    if (rest.starts_with("+%}")) return at + 3;
    if (rest.starts_with("-%}")) return at + 3 + spaces_from(at + 3);
    if (!rest.starts_with("%}")) return 0;
    return at + 2 + (rest.size() > 2 && rest[2] == '\n' ? 1 : 0);
  }

  void read_comment(int begin_line) {
    const size_t close = text_.find("#}", at_);
    if (at_ >= text_.size()) return;
    if (close == std::string_view::npos) throw SyntaxFault(begin_line, "Missing end of comment tag");
    const char sign = close > at_ ? text_[close - 1] : '\0';
    size_t end = close + 2;
    if (sign == '-')
      end += spaces_from(end);
    else if (sign != '+' && end < text_.size() && text_[end] == '\n')
      ++end;
    advance(end - at_);
  }

  void read_tag(bool variable) {
    std::string open;  // the closing brackets that are due
    while (true) {
      if (at_ >= text_.size()) return;  // the parser misses the end
      if (open.empty() && ends_tag(variable)) return;
      if (const size_t spaces = spaces_from(at_)) {
        advance(spaces);
        continue;
      }
      read_token(open);
    }
  }

  bool ends_tag(bool variable) {
    size_t end = 0;
    if (!variable)
      end = end_of_block(at_);
    else if (here("-}}"))
      end = at_ + 3 + spaces_from(at_ + 3);
    else if (here("}}"))
      end = at_ + 2;
    if (!end) return false;
    add(variable ? Kind::variable_end : Kind::block_end, "");
    advance(end - at_);
    return true;
  }

  void read_token(std::string& open) {
    Token number;
    number.line = line_;
    if (const size_t length = read_number(text_, at_, number)) {
      number.text = text_.substr(at_, length);
      tokens_.push_back(number);
      return advance(length);
    }
    size_t name_end = at_;
    while (name_end < text_.size() && is_word_character(character_at(text_, name_end)))
      name_end += bytes_of_character(text_, name_end);
    if (name_end > at_) {
      const std::string_view name = text_.substr(at_, name_end - at_);
      if (!is_identifier(name)) throw SyntaxFault(line_, "Invalid character in identifier");
      add(Kind::name, name);
      return advance(name_end - at_);
    }
    if (text_[at_] == '\'' || text_[at_] == '"') return read_text();
    read_sign(open);
  }

  void read_text() {
    const char quote = text_[at_];
    for (size_t end = at_ + 1; end < text_.size(); ++end) {
      if (text_[end] == '\\') {
        ++end;
      } else if (text_[end] == quote) {
        add(Kind::text, unescaped(text_.substr(at_ + 1, end - at_ - 1), line_));
        return advance(end + 1 - at_);
      }
    }
    throw SyntaxFault(line_, "a text is not closed");
  }

  void read_sign(std::string& open) {
    static constexpr std::string_view pairs[] = {"//", "**", "==", "!=", ">=", "<="};
    const std::string_view two = text_.substr(at_, 2);
    const bool pair = std::find(std::begin(pairs), std::end(pairs), two) != std::end(pairs);
    const std::string_view sign = text_.substr(at_, pair ? 2 : 1);
    if (!pair && std::string_view("+-/*%~[](){}><=.:|,;").find(sign[0]) == std::string_view::npos)
      throw SyntaxFault(line_, fmt::format("unexpected char '{}'", text_.substr(at_, bytes_of_character(text_, at_))));
    if (sign == "(" || sign == "[" || sign == "{") open += sign == "(" ? ')' : sign == "[" ? ']' : '}';
    if (sign == ")" || sign == "]" || sign == "}") {
      if (open.empty()) throw SyntaxFault(line_, fmt::format("unexpected '{}'", sign));
      if (open.back() != sign[0])
        throw SyntaxFault(line_, fmt::format("unexpected '{}', expected '{}'", sign, open.back()));
      open.pop_back();
    }
    add(Kind::sign, sign);
    advance(sign.size());
  }

  const std::string kept_;
  const std::string_view text_;
  size_t at_ = 0;
  int line_ = 1;
  bool line_begins_ = true;
  std::vector<Token> tokens_;
};

}  // namespace

std::vector<Token> tokens_of(std::string_view source) { return Lexer(source).run(); }

}  // namespace stemma::jinja
