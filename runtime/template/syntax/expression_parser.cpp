#include "runtime/template/syntax/expression_parser.h"

#include <algorithm>

#include "runtime/template/builtins/registry.h"

namespace stemma::jinja {

namespace {

using Kind = Token::Kind;

template <class Node>
std::unique_ptr<BinaryOf> binary(Node operation, ExpressionPointer left, ExpressionPointer right) {
  auto node = std::make_unique<BinaryOf>();
  node->operation = operation;
  node->left = std::move(left);
  node->right = std::move(right);
  return node;
}

ExpressionPointer choice(bool both, ExpressionPointer left, ExpressionPointer right) {
  auto node = std::make_unique<Choice>();
  node->both = both;
  node->left = std::move(left);
  node->right = std::move(right);
  return node;
}

ExpressionPointer unary(Unary::Sign sign, ExpressionPointer of) {
  auto node = std::make_unique<Unary>();
  node->sign = sign;
  node->of = std::move(of);
  return node;
}

ExpressionPointer constant(Value value) { return std::make_unique<Constant>(std::move(value)); }

bool is_constant_name(const std::string& name) {
  return name == "true" || name == "false" || name == "none" || name == "True" || name == "False" || name == "None";
}

}  // namespace

void ExpressionParser::Level::deepen() {
  if (parser_.depth_ >= deepest_syntax)
    throw SyntaxFault(parser_.stream_.line(), fmt::format("nests more than {} deep", deepest_syntax));
  ++parser_.depth_;
  ++levels_;
}

void ExpressionParser::forgive_unknown(size_t since) {
  unknown_.erase(std::remove_if(unknown_.begin() + static_cast<std::ptrdiff_t>(since), unknown_.end(),
                                [](const Unknown& unknown) { return !unknown.at_once; }),
                 unknown_.end());
}

void ExpressionParser::insist_on_known(size_t since) {
  for (size_t i = since; i < unknown_.size(); ++i) unknown_[i].at_once = true;
}

Symbol ExpressionParser::symbol_of(const std::string& name) {
  const auto [place, added] = symbols_.emplace(name, static_cast<Symbol>(names_.size()));
  if (added) names_.push_back(name);
  return place->second;
}

void ExpressionParser::note_read(const std::string& name) {
  if (name != "caller" && name != "kwargs" && name != "varargs") return;
  for (Specials& macro : macros_)
    if (!macro.hidden.count(name)) macro.read.insert(name);
}

void ExpressionParser::note_write(const std::string& name) {
  if (name != "caller" && name != "kwargs" && name != "varargs") return;
  for (Specials& macro : macros_) macro.hidden.insert(name);
}

ExpressionPointer ExpressionParser::parse_expression(bool with_condition) {
  return with_condition ? parse_condition() : parse_or();
}

ExpressionPointer ExpressionParser::parse_condition() {
  Level level(*this);
  const size_t unknown = unknown_.size();
  ExpressionPointer value = parse_or();
  bool conditional = false;
  while (stream_.skip_name("if")) {
    level.deepen();
    conditional = true;
    auto node = std::make_unique<Conditional>();
    node->line = stream_.line();
    node->test = parse_or();
    node->then = std::move(value);
    if (stream_.skip_name("else")) node->otherwise = parse_condition();
    value = std::move(node);
  }
  if (conditional) forgive_unknown(unknown);
  return value;
}

ExpressionPointer ExpressionParser::parse_or() {
  Level level(*this);
  ExpressionPointer left = parse_and();
  while (stream_.skip_name("or")) {
    level.deepen();
    ExpressionPointer right = parse_and();
    left = choice(false, std::move(left), std::move(right));
  }
  return left;
}

ExpressionPointer ExpressionParser::parse_and() {
  Level level(*this);
  ExpressionPointer left = parse_not();
  while (stream_.skip_name("and")) {
    level.deepen();
    ExpressionPointer right = parse_not();
    left = choice(true, std::move(left), std::move(right));
  }
  return left;
}

ExpressionPointer ExpressionParser::parse_not() {
  if (!stream_.skip_name("not")) return parse_comparison();
  const Level level(*this);
  return unary(Unary::Sign::negation, parse_not());
}

ExpressionPointer ExpressionParser::parse_comparison() {
  static constexpr std::pair<std::string_view, Comparison> signs[] = {
      {"==", Comparison::equal},         {"!=", Comparison::not_equal}, {"<", Comparison::less},
      {"<=", Comparison::less_or_equal}, {">", Comparison::greater},    {">=", Comparison::greater_or_equal},
  };
  auto node = std::make_unique<Comparisons>();
  node->first = parse_sum();
  while (true) {
    const auto* sign =
        std::find_if(std::begin(signs), std::end(signs), [&](const auto& each) { return stream_.is_sign(each.first); });
    Comparison comparison = Comparison::in;
    if (sign != std::end(signs)) {
      comparison = sign->second;
      stream_.next();
    } else if (stream_.is_name("not") && stream_.look().kind == Kind::name && stream_.look().text == "in") {
      comparison = Comparison::not_in;
      stream_.next();
      stream_.next();
    } else if (!stream_.skip_name("in")) {
      break;
    }
    node->others.emplace_back(comparison, parse_sum());
  }
  if (node->others.empty()) return std::move(node->first);
  return node;
}

ExpressionPointer ExpressionParser::parse_sum() {
  Level level(*this);
  ExpressionPointer left = parse_concatenation();
  while (stream_.is_sign("+") || stream_.is_sign("-")) {
    level.deepen();
    const Binary operation = stream_.next().text == "+" ? Binary::add : Binary::subtract;
    ExpressionPointer right = parse_concatenation();
    left = binary(operation, std::move(left), std::move(right));
  }
  return left;
}

ExpressionPointer ExpressionParser::parse_concatenation() {
  ExpressionPointer first = parse_product();
  if (!stream_.is_sign("~")) return first;
  auto node = std::make_unique<Concatenation>();
  node->parts.push_back(std::move(first));
  while (stream_.skip_sign("~")) node->parts.push_back(parse_product());
  return node;
}

ExpressionPointer ExpressionParser::parse_product() {
  static constexpr std::pair<std::string_view, Binary> signs[] = {
      {"*", Binary::multiply}, {"/", Binary::divide}, {"//", Binary::divide_down}, {"%", Binary::remainder}};
  Level level(*this);
  ExpressionPointer left = parse_power();
  while (true) {
    const auto* sign =
        std::find_if(std::begin(signs), std::end(signs), [&](const auto& each) { return stream_.is_sign(each.first); });
    if (sign == std::end(signs)) return left;
    level.deepen();
    stream_.next();
    ExpressionPointer right = parse_power();
    left = binary(sign->second, std::move(left), std::move(right));
  }
}

ExpressionPointer ExpressionParser::parse_power() {
  Level level(*this);
  ExpressionPointer left = parse_unary();
  while (stream_.skip_sign("**")) {
    level.deepen();
    ExpressionPointer right = parse_unary();
    left = binary(Binary::power, std::move(left), std::move(right));
  }
  return left;
}

ExpressionPointer ExpressionParser::parse_unary(bool with_filters) {
  const Level level(*this);
  ExpressionPointer node;
  if (stream_.skip_sign("-"))
    node = unary(Unary::Sign::minus, parse_unary(false));
  else if (stream_.skip_sign("+"))
    node = unary(Unary::Sign::plus, parse_unary(false));
  else
    node = parse_primary();
  node = parse_postfix(std::move(node));
  return with_filters ? parse_filters_and_tests(std::move(node)) : std::move(node);
}

ExpressionPointer ExpressionParser::read(const Token& name) {
  if (name.text == "none" || name.text == "None") return constant(None{});
  if (is_constant_name(name.text)) return constant(Value(name.text == "true" || name.text == "True"));
  note_read(name.text);
  return std::make_unique<Variable>(symbol_of(name.text), name.text);
}

ExpressionPointer ExpressionParser::parse_primary() {
  switch (stream_.current().kind) {
    case Kind::name:
      return read(stream_.next());
    case Kind::text: {
      std::string text;
      while (stream_.is(Kind::text)) text += stream_.next().text;
      return constant(make_text(std::move(text)));
    }
    case Kind::integer:
    case Kind::real:
      return constant(stream_.next().number);
    default:
      break;
  }
  if (stream_.skip_sign("(")) {
    ExpressionPointer inside = parse_tuple(true, {}, true);
    stream_.expect_sign(")");
    return inside;
  }
  if (stream_.is_sign("[")) return parse_list();
  if (stream_.is_sign("{")) return parse_dict();
  stream_.refuse("an expression");
}

bool ExpressionParser::at_tuple_end(std::string_view end) const {
  return stream_.is(Kind::variable_end) || stream_.is(Kind::block_end) || stream_.is_sign(")") ||
         (!end.empty() && stream_.is_name(end));
}

ExpressionPointer ExpressionParser::parse_tuple(bool with_condition, std::string_view end, bool in_parentheses) {
  auto tuple = std::make_unique<ListOf>();
  tuple->tuple = true;
  bool comma = false;
  while (true) {
    if (!tuple->items.empty()) stream_.expect_sign(",");
    if (at_tuple_end(end)) break;
    tuple->items.push_back(parse_expression(with_condition));
    if (!stream_.is_sign(",")) break;
    comma = true;
  }
  if (!comma && !tuple->items.empty()) return std::move(tuple->items[0]);
  if (!comma && !in_parentheses) stream_.refuse("an expression");
  return tuple;
}

ExpressionPointer ExpressionParser::parse_list() {
  stream_.expect_sign("[");
  auto list = std::make_unique<ListOf>();
  while (!stream_.is_sign("]")) {
    if (!list->items.empty()) stream_.expect_sign(",");
    if (stream_.is_sign("]")) break;
    list->items.push_back(parse_expression());
  }
  stream_.expect_sign("]");
  return list;
}

ExpressionPointer ExpressionParser::parse_dict() {
  stream_.expect_sign("{");
  auto dict = std::make_unique<DictOf>();
  while (!stream_.is_sign("}")) {
    if (!dict->entries.empty()) stream_.expect_sign(",");
    if (stream_.is_sign("}")) break;
    ExpressionPointer key = parse_expression();
    stream_.expect_sign(":");
    dict->entries.emplace_back(std::move(key), parse_expression());
  }
  stream_.expect_sign("}");
  return dict;
}

Target ExpressionParser::stored(const Token& name) {
  if (is_constant_name(name.text)) throw SyntaxFault(name.line, fmt::format("can't assign to '{}'", name.text));
  if (in_loops_ > 0 && name.text == "loop")
    throw SyntaxFault(name.line, "can't assign to the special variable 'loop' in a loop");
  note_write(name.text);
  Target target;
  target.symbol = symbol_of(name.text);
  return target;
}

Target ExpressionParser::parse_target_part(bool with_attributes) {
  const Level level(*this);
  if (stream_.skip_sign("(")) {
    Target inside = parse_target(false);
    stream_.expect_sign(")");
    return inside;
  }
  if (!stream_.is(Kind::name)) stream_.refuse("a name to assign to");
  const Token name = stream_.next();
  if (!with_attributes || !stream_.skip_sign(".")) return stored(name);
  Target target;
  note_read(name.text);
  target.symbol = symbol_of(name.text);
  target.attribute = stream_.expect_any_name();
  return target;
}

Target ExpressionParser::parse_target(bool with_attributes, std::string_view end) {
  Target tuple;
  while (true) {
    if (!tuple.parts.empty()) stream_.expect_sign(",");
    if (at_tuple_end(end)) break;
    tuple.parts.push_back(parse_target_part(with_attributes));
    if (!stream_.is_sign(",")) break;
    tuple.tuple = true;
  }
  if (tuple.parts.empty()) stream_.refuse("a name to assign to");
  if (!tuple.tuple) return std::move(tuple.parts[0]);
  return tuple;
}

}  // namespace stemma::jinja
