// The expressions of a template: from `a if b else c` down to names, numbers and texts.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "runtime/template/syntax/syntax.h"
#include "runtime/template/syntax/token_stream.h"

namespace stemma::jinja {

class ExpressionParser {
 protected:
  explicit ExpressionParser(std::vector<Token> tokens) : stream_(std::move(tokens)) {}

  ExpressionPointer parse_expression(bool with_condition = true);
  // One expression, or several between commas as a tuple. `end`: a name that ends it, besides the ends of tags.
  ExpressionPointer parse_tuple(bool with_condition, std::string_view end = {}, bool in_parentheses = false);
  ExpressionPointer parse_filters(ExpressionPointer of, bool begins_with_name = false);
  // Only names, names in tuples and, in a {% set %}, name.attribute.
  Target parse_target(bool with_attributes, std::string_view end = {});

  Symbol symbol_of(const std::string& name);
  // Tells what macros around this place read the name, which are looked for: caller, kwargs, varargs.
  void note_read(const std::string& name);
  void note_write(const std::string& name);

  // Refuses syntax that nests too deep. A level lasts as long as this lives.
  class Level {
   public:
    explicit Level(ExpressionParser& parser) : parser_(parser) { deepen(); }
    ~Level() { parser_.depth_ -= levels_; }
    void deepen();  // one more link of a chain such as a + b + c, which nests to the left

   private:
    ExpressionParser& parser_;
    int levels_ = 0;
  };

  // Filters and tests that are not known. Within an `if` they are refused when they are used, elsewhere at once.
  struct Unknown {
    int line;
    std::string what;
    bool at_once;
  };
  void forgive_unknown(size_t since);
  void insist_on_known(size_t since);

  // The special names that the macro whose body is being read uses, and those that it has set itself.
  struct Specials {
    std::unordered_set<std::string> read, hidden;
  };

  TokenStream stream_;
  std::vector<std::string> names_;
  std::vector<Unknown> unknown_;
  std::vector<Specials> macros_;
  int loops_ = 0;     // loops around this place, within the same macro
  int in_loops_ = 0;  // loops around it at all

 private:
  ExpressionPointer parse_condition();
  ExpressionPointer parse_or();
  ExpressionPointer parse_and();
  ExpressionPointer parse_not();
  ExpressionPointer parse_comparison();
  ExpressionPointer parse_sum();
  ExpressionPointer parse_concatenation();
  ExpressionPointer parse_product();
  ExpressionPointer parse_power();
  ExpressionPointer parse_unary(bool with_filters = true);
  ExpressionPointer parse_primary();
  ExpressionPointer parse_postfix(ExpressionPointer of);
  ExpressionPointer parse_filters_and_tests(ExpressionPointer of);
  ExpressionPointer parse_subscript(ExpressionPointer of);
  ExpressionPointer parse_call(ExpressionPointer of);
  ExpressionPointer parse_test(ExpressionPointer of);
  ExpressionPointer parse_list();
  ExpressionPointer parse_dict();
  CallArguments parse_arguments();
  std::string parse_dotted_name();
  Target parse_target_part(bool with_attributes);
  Target stored(const Token& name);
  ExpressionPointer read(const Token& name);
  bool at_tuple_end(std::string_view end) const;

  std::unordered_map<std::string, Symbol> symbols_;
  int depth_ = 0;
};

}  // namespace stemma::jinja
