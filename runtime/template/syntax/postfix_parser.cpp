// What follows an expression: .name, [key], (arguments), | filter, is test.
#include <algorithm>
#include <unordered_set>

#include "runtime/template/builtins/registry.h"
#include "runtime/template/syntax/expression_parser.h"

namespace stemma::jinja {

namespace {

using Kind = Token::Kind;

}  // namespace

ExpressionPointer ExpressionParser::parse_postfix(ExpressionPointer of) {
  Level level(*this);
  while (true) {
    level.deepen();
    if (stream_.is_sign(".") || stream_.is_sign("["))
      of = parse_subscript(std::move(of));
    else if (stream_.is_sign("("))
      of = parse_call(std::move(of));
    else
      return of;
  }
}

ExpressionPointer ExpressionParser::parse_filters_and_tests(ExpressionPointer of) {
  Level level(*this);
  while (true) {
    level.deepen();
    if (stream_.is_sign("|"))
      of = parse_filters(std::move(of));
    else if (stream_.is_name("is"))
      of = parse_test(std::move(of));
    else if (stream_.is_sign("("))
      of = parse_call(std::move(of));
    else
      return of;
  }
}

ExpressionPointer ExpressionParser::parse_subscript(ExpressionPointer of) {
  if (stream_.skip_sign(".")) {
    const Token token = stream_.next();
    if (token.kind == Kind::name) {
      auto node = std::make_unique<Attribute>();
      node->of = std::move(of);
      node->name = token.text;
      return node;
    }
    if (token.kind != Kind::integer) throw SyntaxFault(token.line, "expected a name or a number after '.'");
    auto node = std::make_unique<Item>();
    node->of = std::move(of);
    node->key = std::make_unique<Constant>(token.number);
    return node;
  }
  stream_.expect_sign("[");
  const auto at_end = [&] { return stream_.is_sign("]") || stream_.is_sign(",") || stream_.is_sign(":"); };
  ExpressionPointer first;
  if (stream_.is_sign("]")) {
    auto nothing = std::make_unique<ListOf>();
    nothing->tuple = true;
    first = std::move(nothing);
  } else if (!stream_.is_sign(":")) {
    first = parse_expression();
  }
  if (stream_.skip_sign(":")) {
    auto node = std::make_unique<SliceOf>();
    node->of = std::move(of);
    node->begin = std::move(first);
    if (!at_end()) node->end = parse_expression();
    if (stream_.skip_sign(":") && !at_end()) node->step = parse_expression();
    stream_.expect_sign("]");
    return node;
  }
  auto node = std::make_unique<Item>();
  node->of = std::move(of);
  if (stream_.is_sign(",")) {
    auto tuple = std::make_unique<ListOf>();
    tuple->tuple = true;
    tuple->items.push_back(std::move(first));
    while (stream_.skip_sign(",")) tuple->items.push_back(parse_expression());
    first = std::move(tuple);
  }
  node->key = std::move(first);
  stream_.expect_sign("]");
  return node;
}

CallArguments ExpressionParser::parse_arguments() {
  const int line = stream_.line();
  stream_.expect_sign("(");
  CallArguments arguments;
  std::unordered_set<std::string> names;
  const auto ensure = [&](bool holds) {
    if (!holds) throw SyntaxFault(line, "invalid syntax for function call expression");
  };
  for (bool comma = false; !stream_.is_sign(")"); comma = true) {
    if (comma) {
      stream_.expect_sign(",");
      if (stream_.is_sign(")")) break;
    }
    if (stream_.skip_sign("*")) {
      ensure(!arguments.more_positional && !arguments.more_named);
      arguments.more_positional = parse_expression();
    } else if (stream_.skip_sign("**")) {
      ensure(!arguments.more_named);
      arguments.more_named = parse_expression();
    } else if (stream_.is(Kind::name) && stream_.look().kind == Kind::sign && stream_.look().text == "=") {
      ensure(!arguments.more_named);
      const std::string name = stream_.next().text;
      stream_.next();
      if (!names.insert(name).second)
        throw SyntaxFault(line, fmt::format("the keyword argument '{}' is repeated", name));
      arguments.named.emplace_back(name, parse_expression());
    } else {
      ensure(!arguments.more_positional && !arguments.more_named && arguments.named.empty());
      arguments.positional.push_back(parse_expression());
    }
  }
  stream_.expect_sign(")");
  return arguments;
}

ExpressionPointer ExpressionParser::parse_call(ExpressionPointer of) {
  auto node = std::make_unique<Call>();
  node->callee = std::move(of);
  node->arguments = parse_arguments();
  return node;
}

std::string ExpressionParser::parse_dotted_name() {
  std::string name = stream_.expect_any_name();
  while (stream_.skip_sign(".")) name += "." + stream_.expect_any_name();
  return name;
}

ExpressionPointer ExpressionParser::parse_filters(ExpressionPointer of, bool begins_with_name) {
  Level level(*this);
  while (begins_with_name || stream_.skip_sign("|")) {
    level.deepen();
    begins_with_name = false;
    auto node = std::make_unique<FilterOf>();
    const int line = stream_.line();
    node->of = std::move(of);
    node->name = parse_dotted_name();
    if (!filter_named(node->name))
      unknown_.push_back({line, fmt::format("there is no filter '{}'", node->name), false});
    if (stream_.is_sign("(")) node->arguments = parse_arguments();
    of = std::move(node);
  }
  return of;
}

ExpressionPointer ExpressionParser::parse_test(ExpressionPointer of) {
  stream_.expect_name("is");
  const bool negated = stream_.skip_name("not");
  auto node = std::make_unique<TestOf>();
  const int line = stream_.line();
  node->of = std::move(of);
  node->name = parse_dotted_name();
  if (!test_named(node->name)) unknown_.push_back({line, fmt::format("there is no test '{}'", node->name), false});
  const bool value_follows = stream_.is(Kind::name) || stream_.is(Kind::text) || stream_.is(Kind::integer) ||
                             stream_.is(Kind::real) || stream_.is_sign("[") || stream_.is_sign("{");
  if (stream_.is_sign("(")) {
    node->arguments = parse_arguments();
  } else if (value_follows && !stream_.is_name("else") && !stream_.is_name("or") && !stream_.is_name("and")) {
    if (stream_.is_name("is")) throw SyntaxFault(line, "tests cannot be chained with 'is'");
    node->arguments.positional.push_back(parse_postfix(parse_primary()));
  }
  if (!negated) return node;
  auto negation = std::make_unique<Unary>();
  negation->of = std::move(node);
  return negation;
}

}  // namespace stemma::jinja
