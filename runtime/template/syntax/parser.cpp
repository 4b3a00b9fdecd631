#include "runtime/template/syntax/parser.h"

#include <algorithm>
#include <initializer_list>
#include <unordered_set>

#include "runtime/template/syntax/expression_parser.h"
#include "runtime/template/values/characters.h"

namespace stemma::jinja {

namespace {

using Kind = Token::Kind;
using Ends = std::initializer_list<std::string_view>;

class Parser : ExpressionParser {
 public:
  explicit Parser(std::string_view source) : ExpressionParser(tokens_of(source)) {}

  Tree parse() {
    Tree tree;
    tree.body = parse_until({});
    if (!unknown_.empty()) throw SyntaxFault(unknown_[0].line, unknown_[0].what);
    tree.names = std::move(names_);
    tree.blocks = std::move(blocks_);
    return tree;
  }

 private:
  // Up to the tag that is one of `ends`, which becomes the current token.
  Body parse_until(Ends ends) {
    const Level level(*this);
    Body body;
    while (!stream_.is(Kind::end)) {
      const int line = stream_.line();
      if (stream_.is(Kind::data)) {
        body.push_back(std::make_unique<Data>(line, stream_.next().text));
      } else if (stream_.is(Kind::variable_begin)) {
        stream_.next();
        body.push_back(std::make_unique<Output>(line, parse_tuple(true)));
        stream_.expect(Kind::variable_end, "'}}'");
      } else {
        stream_.expect(Kind::block_begin, "'{%'");
        if (std::any_of(ends.begin(), ends.end(), [&](std::string_view end) { return stream_.is_name(end); }))
          return body;
        parse_statement(body);
        stream_.expect(Kind::block_end, "'%}'");
      }
    }
    if (ends.size() > 0) stream_.refuse(fmt::format("{{% {} %}}", *ends.begin()));
    return body;
  }

  // The rest of an opening tag, then its body, up to one of `ends`.
  Body parse_body(Ends ends) {
    stream_.skip_sign(":");
    stream_.expect(Kind::block_end, "'%}'");
    return parse_until(ends);
  }
  Body parse_own_body(std::string_view end) {
    const size_t unknown = unknown_.size();
    Body body = parse_body({end});
    insist_on_known(unknown);
    stream_.next();
    return body;
  }

  void parse_statement(Body& body) {
    if (!stream_.is(Kind::name)) stream_.refuse("a tag's name");
    const int line = stream_.line();
    const std::string tag = stream_.next().text;
    if (tag == "print") return parse_print(line, body);
    body.push_back(parse_tag(tag, line));
  }

  StatementPointer parse_tag(const std::string& tag, int line) {
    if (tag == "if") return parse_if(line);
    if (tag == "for") return parse_for(line);
    if (tag == "set") return parse_set(line);
    if (tag == "macro") return parse_macro(line);
    if (tag == "call") return parse_call_block(line);
    if (tag == "filter") return parse_filter_block(line);
    if (tag == "with") return parse_with(line);
    if (tag == "block") return parse_block(line);
    if (tag == "generation" || tag == "autoescape") return parse_scope(tag, line);
    if (tag == "break" || tag == "continue") {
      if (loops_ == 0) throw SyntaxFault(line, fmt::format("'{}' outside a loop", tag));
      return std::make_unique<LoopControl>(line, tag == "break" ? Flow::leave_loop : Flow::next_item);
    }
    if (tag == "include" || tag == "import" || tag == "from" || tag == "extends") return parse_loading(tag, line);
    throw SyntaxFault(line, fmt::format("unknown tag '{}'", tag.size() > 60 ? tag.substr(0, 57) + "..." : tag));
  }

  void parse_print(int line, Body& body) {
    for (bool first = true; !stream_.is(Kind::block_end); first = false) {
      if (!first) stream_.expect_sign(",");
      body.push_back(std::make_unique<Output>(line, parse_expression()));
    }
  }

  StatementPointer parse_if(int line) {
    const size_t unknown = unknown_.size();
    auto node = std::make_unique<If>(line);
    while (true) {
      ExpressionPointer test = parse_tuple(false);
      Body body = parse_body({"endif", "elif", "else"});
      node->branches.emplace_back(std::move(test), std::move(body));
      if (stream_.skip_name("elif")) continue;
      if (stream_.skip_name("else")) node->otherwise = parse_body({"endif"});
      stream_.expect_name("endif");
      break;
    }
    forgive_unknown(unknown);
    return node;
  }

  StatementPointer parse_for(int line) {
    auto node = std::make_unique<For>(line);
    ++in_loops_;
    node->target = parse_target(false, "in");
    stream_.expect_name("in");
    node->items = parse_tuple(false, "recursive");
    const size_t unknown = unknown_.size();
    if (stream_.skip_name("if")) node->test = parse_expression();
    node->recursive = stream_.skip_name("recursive");
    ++loops_;
    node->body = parse_body({"endfor", "else"});
    --loops_;
    if (stream_.skip_name("else")) node->otherwise = parse_body({"endfor"});
    stream_.expect_name("endfor");
    --in_loops_;
    insist_on_known(unknown);
    return node;
  }

  StatementPointer parse_set(int line) {
    Target target = parse_target(true);
    if (stream_.skip_sign("=")) {
      auto node = std::make_unique<Set>(line);
      node->target = std::move(target);
      node->value = parse_tuple(true);
      return node;
    }
    auto node = std::make_unique<SetBlock>(line);
    node->target = std::move(target);
    if (stream_.is_sign("|")) node->filter = parse_filters(nullptr);
    node->body = parse_own_body("endset");
    return node;
  }

  void parse_signature(MacroParts& parts) {
    std::unordered_set<std::string> seen;
    stream_.expect_sign("(");
    while (!stream_.is_sign(")")) {
      if (!parts.parameters.empty()) stream_.expect_sign(",");
      const int line = stream_.line();
      const std::string name = stream_.expect_any_name();
      if (!seen.insert(name).second) throw SyntaxFault(line, fmt::format("the parameter '{}' is repeated", name));
      note_write(name);
      if (stream_.skip_sign("="))
        parts.defaults.push_back(parse_expression());
      else if (!parts.defaults.empty())
        throw SyntaxFault(line, "non-default argument follows default argument");
      parts.parameters.emplace_back(symbol_of(name), name);
    }
    stream_.expect_sign(")");
  }

  void parse_macro_body(MacroParts& parts, std::string_view end, int line) {
    const int loops = loops_;
    loops_ = 0;
    macros_.emplace_back();
    parts.body = parse_own_body(end);
    const std::unordered_set<std::string> read = std::move(macros_.back().read);
    macros_.pop_back();
    loops_ = loops;
    const auto uses = [&](const std::string& name, bool& flag, Symbol& symbol) {
      const auto place = std::find_if(parts.parameters.begin(), parts.parameters.end(),
                                      [&](const auto& each) { return each.second == name; });
      flag = read.count(name) && place == parts.parameters.end();
      symbol = symbol_of(name);
      const auto from_end = static_cast<size_t>(parts.parameters.end() - place);
      if (name == "caller" && read.count(name) && from_end > parts.defaults.size())
        throw SyntaxFault(line, "the special parameter 'caller' must be left out or have a default");
    };
    uses("caller", parts.uses_caller, parts.caller);
    uses("kwargs", parts.uses_kwargs, parts.kwargs);
    uses("varargs", parts.uses_varargs, parts.varargs);
  }

  StatementPointer parse_macro(int line) {
    auto node = std::make_unique<MacroDefinition>(line);
    node->parts = std::make_shared<MacroParts>();
    node->parts->name = stream_.expect_any_name();
    note_write(node->parts->name);
    node->symbol = symbol_of(node->parts->name);
    parse_signature(*node->parts);
    parse_macro_body(*node->parts, "endmacro", line);
    return node;
  }

  StatementPointer parse_call_block(int line) {
    auto node = std::make_unique<CallBlock>(line);
    node->parts = std::make_shared<MacroParts>();
    if (stream_.is_sign("(")) parse_signature(*node->parts);
    ExpressionPointer call = parse_expression();
    if (!dynamic_cast<Call*>(call.get())) throw SyntaxFault(line, "{% call %} wants the call of a macro");
    node->call.reset(static_cast<Call*>(call.release()));
    parse_macro_body(*node->parts, "endcall", line);
    return node;
  }

  StatementPointer parse_filter_block(int line) {
    auto node = std::make_unique<FilterBlock>(line);
    node->filter = parse_filters(nullptr, true);
    node->body = parse_own_body("endfilter");
    return node;
  }

  StatementPointer parse_with(int line) {
    auto node = std::make_unique<With>(line);
    while (!stream_.is(Kind::block_end)) {
      if (!node->values.empty()) stream_.expect_sign(",");
      Target target = parse_target(false);
      stream_.expect_sign("=");
      node->values.emplace_back(std::move(target), parse_expression());
    }
    node->body = parse_own_body("endwith");
    return node;
  }

  StatementPointer parse_block(int line) {
    const std::string name = stream_.expect_any_name();
    const bool scoped = stream_.skip_name("scoped"), required = stream_.skip_name("required");
    auto node = std::make_unique<Scoped>(line, scoped ? Scoped::Sort::scoped_block : Scoped::Sort::block);
    if (!blocks_.emplace(name, node.get()).second)
      throw SyntaxFault(line, fmt::format("block '{}' defined twice", name));
    const int loops = loops_;
    loops_ = 0;
    node->body = parse_own_body("endblock");
    loops_ = loops;
    stream_.skip_name(name);
    if (required) {
      for (const StatementPointer& part : node->body)
        if (const auto* data = dynamic_cast<const Data*>(part.get());
            !data || !stripped(data->text, nullptr, true, true).empty())
          throw SyntaxFault(line, "required blocks can only contain comments or white space");
      node->required = name;
    }
    return node;
  }

  StatementPointer parse_scope(const std::string& tag, int line) {
    if (tag == "autoescape") {
      const ExpressionPointer escapes = parse_expression();
      const auto* constant = dynamic_cast<const Constant*>(escapes.get());
      if (!constant || truth(constant->value)) throw SyntaxFault(line, "{% autoescape true %} is not supported here");
    }
    auto node = std::make_unique<Scoped>(line, Scoped::Sort::scope);
    const int loops = loops_;
    if (tag == "generation") {
      loops_ = 0;
      macros_.emplace_back();
    }
    node->body = parse_own_body("end" + tag);
    if (tag == "generation") macros_.pop_back();
    loops_ = loops;
    return node;
  }

  // Its words are read over: it fails when it is executed.
  StatementPointer parse_loading(const std::string& tag, int line) {
    while (!stream_.is(Kind::block_end) && !stream_.is(Kind::end)) stream_.next();
    return std::make_unique<Loading>(line, tag);
  }

  std::map<std::string, const Scoped*> blocks_;
};

}  // namespace

Tree parse(std::string_view source) { return Parser(source).parse(); }

}  // namespace stemma::jinja
