// A template's text cut into tokens, by the rules of Jinja2 with trim_blocks and lstrip_blocks, as transformers sets
// them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "runtime/template/limits.h"
#include "runtime/template/values/value.h"

namespace stemma::jinja {

struct Token {
  enum class Kind { data, variable_begin, variable_end, block_begin, block_end, name, text, integer, real, sign, end };
  Kind kind = Kind::end;
  std::string text;  // a text's value, a name, a sign such as "**", template data
  int line = 1;
  Value number;  // an integer's or a real's
};

// What is wrong with the syntax of a template, and where.
struct SyntaxFault : Fault {
  SyntaxFault(int at_line, const std::string& what) : Fault(what), line(at_line) {}
  int line;
};

// Ends with a token of kind `end`. Throws SyntaxFault.
std::vector<Token> tokens_of(std::string_view source);

// The value of a text between its quotes, its escapes resolved. Throws SyntaxFault.
std::string unescaped(std::string_view literal, int line);
// A number that begins at source[at]: its bytes; 0 where there is none. Throws SyntaxFault where it is too long.
size_t read_number(std::string_view source, size_t at, Token& token);

}  // namespace stemma::jinja
