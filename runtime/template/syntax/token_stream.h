// Tokens one by one, with what the parser asks of them.
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <vector>

#include "runtime/template/syntax/lexer.h"

namespace stemma::jinja {

class TokenStream {
 public:
  explicit TokenStream(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

  const Token& current() const { return tokens_[at_]; }
  const Token& look() const { return tokens_[std::min(at_ + 1, tokens_.size() - 1)]; }
  Token next() {
    Token token = tokens_[at_];
    if (token.kind != Token::Kind::end) ++at_;
    return token;
  }
  bool is(Token::Kind kind) const { return current().kind == kind; }
  bool is_name(std::string_view name) const { return is(Token::Kind::name) && current().text == name; }
  bool is_sign(std::string_view sign) const { return is(Token::Kind::sign) && current().text == sign; }
  bool skip_name(std::string_view name) { return is_name(name) && (++at_, true); }
  bool skip_sign(std::string_view sign) { return is_sign(sign) && (++at_, true); }
  void expect_name(std::string_view name) {
    if (!skip_name(name)) refuse(fmt::format("'{}'", name));
  }
  void expect_sign(std::string_view sign) {
    if (!skip_sign(sign)) refuse(fmt::format("'{}'", sign));
  }
  void expect(Token::Kind kind, std::string_view what) {
    if (!is(kind)) refuse(what);
    next();
  }
  std::string expect_any_name() {
    if (!is(Token::Kind::name)) refuse("a name");
    return next().text;
  }
  int line() const { return current().line; }

  [[noreturn]] void refuse(std::string_view expected) const {
    throw SyntaxFault(line(), fmt::format("expected {}, got {}", expected, described(current())));
  }
  static std::string described(const Token& token) {
    switch (token.kind) {
      case Token::Kind::end:
        return "the end of the template";
      case Token::Kind::block_end:
        return "'%}'";
      case Token::Kind::variable_end:
        return "'}}'";
      case Token::Kind::data:
        return "text";
      default:
        return fmt::format("'{}'", token.text.size() > 60 ? token.text.substr(0, 57) + "..." : token.text);
    }
  }

 private:
  std::vector<Token> tokens_;
  size_t at_ = 0;
};

}  // namespace stemma::jinja
