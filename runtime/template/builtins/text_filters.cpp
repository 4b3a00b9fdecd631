// Filters that make a text.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "runtime/template/builtins/attributes.h"
#include "runtime/template/builtins/methods.h"
#include "runtime/template/builtins/registry.h"
#include "runtime/template/limits.h"
#include "runtime/template/machine/parameters.h"
#include "runtime/template/values/characters.h"
#include "runtime/template/values/escape.h"
#include "runtime/template/values/format.h"
#include "runtime/template/values/letters.h"
#include "runtime/template/values/operators.h"
#include "runtime/template/values/print.h"

namespace stemma::jinja {

namespace {

// Jinja2's soft_str: escaped text stays so.
Value as_text(const Value& value) { return value.is_text() ? value : make_text(printed(value)); }

const Text& expect_text(const char* filter, const Value& value) {
  if (value.is_undefined()) throw Fault(value.why_undefined());
  if (!value.is_text()) throw Fault(fmt::format("{}: expects a string, not '{}'", filter, value.type_name()));
  return value.text();
}

template <std::string (*change)(std::string_view)>
Value changed(Machine&, const Value& input, const Arguments& arguments) {
  const Parameters none("filter", arguments, {});
  const Value text = as_text(input);
  return make_text(change(text.text().bytes), text.text().markup);
}

constexpr const char* strip_name = "strip";

// Words begin after white space, hyphens and opening brackets here, unlike in str.title().
std::string title_words(std::string_view text) {
  std::string made;
  bool begins = true;
  size_t word = 0;
  const auto finish = [&](size_t end) {
    if (end == word) return;
    const size_t first = bytes_of_character(text, word);
    made += upper_case(text.substr(word, first)) + lower_case(text.substr(word + first, end - word - first));
  };
  for (size_t at = 0; at < text.size();) {
    const size_t length = bytes_of_character(text, at);
    const bool divides =
        std::string_view("-({[<").find(text[at]) != std::string_view::npos || is_space(character_at(text, at));
    if (divides) {
      if (!begins) finish(at);
      made += text.substr(at, length);
    } else if (begins) {
      word = at;
    }
    begins = divides;
    at += length;
  }
  if (!begins) finish(text.size());
  return made;
}

Value string(Machine&, const Value& input, const Arguments& arguments) {
  const Parameters none("string", arguments, {});
  return as_text(input);
}

Value safe(Machine&, const Value& input, const Arguments& arguments) {
  const Parameters none("safe", arguments, {});
  return make_text(printed(input), true);
}

template <bool again>
Value escape(Machine&, const Value& input, const Arguments& arguments) {
  const Parameters none("escape", arguments, {});
  if (!again && input.is_text() && input.text().markup) return input;
  return make_text(escaped(printed(input)), true);
}

Value trim(Machine& machine, const Value& input, const Arguments& arguments) {
  const Parameters given("trim", arguments, {"chars"});
  Arguments chars;
  if (given.given(0)) chars.positional.push_back(given[0]);
  return text_methods().at(strip_name)(as_text(input), machine, chars);
}

Value replace(Machine& machine, const Value& input, const Arguments& arguments) {
  const Parameters given("replace", arguments, {"old", "new", "count"}, 2);
  Arguments plain;
  for (size_t i = 0; i < 2; ++i) plain.positional.push_back(make_text(printed(given[i])));
  if (!given[2].is_none()) plain.positional.push_back(given[2]);
  return text_methods().at("replace")(make_text(printed(input)), machine, plain);
}

Value center(Machine& machine, const Value& input, const Arguments& arguments) {
  const Parameters given("center", arguments, {"width"});
  Arguments width;
  width.positional.push_back(Value(given.whole(0, 80)));
  return text_methods().at("center")(as_text(input), machine, width);
}

Value join(Machine&, const Value& input, const Arguments& arguments) {
  const Parameters given("join", arguments, {"d", "attribute"});
  const std::string between = given.given(0) ? printed(given[0]) : "";
  const AttributePath path(given[1]);
  Builder made;
  bool first = true;
  Cursor cursor = items_of(input);
  for (Value next; cursor(next); first = false) {
    work(1);
    if (!first) made.add(between);
    made.add(printed(given[1].is_none() ? next : path.of(next)));
  }
  return make_text(made.take());
}

Value format(Machine&, const Value& input, const Arguments& arguments) {
  if (!arguments.positional.empty() && !arguments.named.empty())
    throw Fault("can't handle positional and keyword arguments at the same time");
  const Value pattern = as_text(input);
  Value values = make_tuple(arguments.positional);
  if (!arguments.named.empty()) {
    auto dict = std::make_shared<Dict>();
    for (const auto& [name, value] : arguments.named) dict->set(make_text(name), value);
    values = Value(std::shared_ptr<const Dict>(dict));
  }
  return make_text(percent_format(pattern.text().bytes, values, pattern.text().markup), pattern.text().markup);
}

Value indent(Machine&, const Value& input, const Arguments& arguments) {
  const Parameters given("indent", arguments, {"width", "first", "blank"});
  const Text& text = expect_text("indent", input);
  std::string space = given[0].is_text() ? given.text(0) : "";
  if (!given[0].is_text()) {
    const int64_t width = std::max<int64_t>(given.whole(0, 4), 0);
    expect_room(width);
    space.assign(static_cast<size_t>(width), ' ');
  }
  const std::string whole = text.bytes + "\n";
  const bool blank = given.truth(2, false);
  Builder made;
  if (given.truth(1, false)) made.add(space);
  bool first = true;
  for (const std::string_view line : lines_of(whole, false)) {
    if (!first) {
      made.add("\n");
      if (blank || !line.empty()) made.add(space);
    }
    made.add(line);
    first = false;
  }
  return make_text(made.take(), text.markup);
}

Value truncate(Machine&, const Value& input, const Arguments& arguments) {
  const Parameters given("truncate", arguments, {"length", "killwords", "end", "leeway"});
  const int64_t length = given.whole(0, 255), leeway = given[3].is_none() ? 5 : given.whole(3, 5);
  const std::string end = given.text(2, "...");
  const auto end_length = static_cast<int64_t>(count_characters(end));
  if (length < end_length) throw Fault(fmt::format("expected length >= {}, got {}", end_length, length));
  if (leeway < 0) throw Fault(fmt::format("expected leeway >= 0, got {}", leeway));
  if (length_of(input).value_or(INT64_MAX) - length <= leeway) return input;
  const Text& text = expect_text("truncate", input);
  std::string kept = text.bytes.substr(0, byte_of_character(text.bytes, static_cast<size_t>(length - end_length)));
  if (!given.truth(1, false)) kept = kept.substr(0, kept.rfind(' '));
  return make_text(kept + end, text.markup);
}

Value wordcount(Machine&, const Value& input, const Arguments& arguments) {
  const Parameters none("wordcount", arguments, {});
  const std::string text = printed(input);
  work_on_characters(text.size());
  int64_t words = 0;
  bool inside = false;
  for (size_t at = 0; at < text.size(); at += bytes_of_character(text, at)) {
    const bool word = is_word_character(character_at(text, at));
    if (word && !inside) ++words;
    inside = word;
  }
  return Value(words);
}

Value urlencode(Machine&, const Value& input, const Arguments& arguments) {
  const Parameters none("urlencode", arguments, {});
  const auto quote = [](const Value& value, bool in_query) {
    Builder made;
    const std::string text = printed(value);
    work_on_characters(4 * text.size());
    for (const char c : text) {
      const auto byte = static_cast<unsigned char>(c);
      if (byte < 0x80 &&
          (std::isalnum(byte) || std::string_view("_.-~").find(c) != std::string_view::npos || (c == '/' && !in_query)))
        made.add(1, c);
      else if (c == ' ' && in_query)
        made.add(1, '+');
      else
        made.add(fmt::format("%{:02X}", byte));
    }
    return made.take();
  };
  if (input.is_text() || !can_be_gone_through(input)) return make_text(quote(input, false));
  const Value pairs =
      input.is(Value::Kind::dict)
          ? Value(std::shared_ptr<Object>(std::make_shared<DictView>(input.shared_dict(), DictView::What::items)))
          : input;
  Builder made;
  bool first = true;
  Cursor cursor = items_of(pairs);
  for (Value next; cursor(next); first = false) {
    const std::vector<Value> pair = list_of(next);
    if (pair.size() != 2) throw Fault("urlencode wants pairs of a key and a value");
    if (!first) made.add("&");
    made.add(quote(pair[0], true));
    made.add("=");
    made.add(quote(pair[1], true));
  }
  return make_text(made.take());
}

std::string without_tags(std::string_view text) {
  std::string made;
  size_t at = 0;
  while (true) {
    const size_t open = find_text(text, "<", at);
    if (open == std::string_view::npos) break;
    const bool comment = text.substr(open).starts_with("<!--");
    const size_t close = comment ? find_text(text, "-->", open + 4) : find_text(text, ">", open);
    if (close == std::string_view::npos) break;
    made += text.substr(at, open - at);
    at = close + (comment ? 3 : 1);
  }
  return made += text.substr(at);
}

// Character references: numbers, and the few names that HTML itself needs.
std::string unescaped_markup(std::string_view text) {
  static constexpr std::pair<std::string_view, std::string_view> names[] = {
      {"&amp;", "&"}, {"&lt;", "<"}, {"&gt;", ">"}, {"&quot;", "\""}, {"&apos;", "'"}, {"&nbsp;", "\u00a0"}};
  std::string made;
  for (size_t at = 0; at < text.size();) {
    const std::string_view rest = text.substr(at);
    const auto* name = std::find_if(std::begin(names), std::end(names),
                                    [&](const auto& each) { return rest.starts_with(each.first); });
    if (name != std::end(names)) {
      made += name->second;
      at += name->first.size();
      continue;
    }
    const bool hex = rest.starts_with("&#x") || rest.starts_with("&#X");
    uint32_t code = 0;
    const char* begin = rest.data() + std::min<size_t>(hex ? 3 : 2, rest.size());
    const auto [end, failure] = rest.starts_with("&#")
                                    ? std::from_chars(begin, rest.data() + rest.size(), code, hex ? 16 : 10)
                                    : std::from_chars_result{begin, std::errc::invalid_argument};
    if (failure != std::errc() || code == 0 || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) {
      made += text[at++];
      continue;
    }
    append_character(made, code);
    at += static_cast<size_t>(end - rest.data());
    if (at < text.size() && text[at] == ';') ++at;
  }
  return made;
}

Value striptags(Machine& machine, const Value& input, const Arguments& arguments) {
  const Parameters none("striptags", arguments, {});
  const std::string text = without_tags(printed(input));
  work_on_characters(text.size());
  std::string made;
  const Value words = text_search_methods().at("split")(make_text(text), machine, {});
  for (const Value& word : words.sequence().items) made += (made.empty() ? "" : " ") + word.text().bytes;
  return make_text(unescaped_markup(made));
}

Value xmlattr(Machine&, const Value& input, const Arguments& arguments) {
  const Parameters given("xmlattr", arguments, {"autospace"});
  if (!input.is(Value::Kind::dict)) throw Fault(fmt::format("'{}' object has no attribute 'items'", input.type_name()));
  Builder made;
  bool any = false;
  for (const auto& [key, value] : input.dict().entries()) {
    if (value.is_none() || value.is_undefined()) continue;
    const std::string& name = expect_text("xmlattr", key).bytes;
    if (name.find_first_of(" \t\n\r\f\v/>=") != std::string::npos)
      throw Fault("Invalid character in attribute name: " + quoted(name));
    if (any || given.truth(0, true)) made.add(" ");
    any = true;
    made.add(key.text().markup ? name : escaped(name));
    made.add("=\"");
    made.add(value.is_text() && value.text().markup ? value.text().bytes : escaped(printed(value)));
    made.add("\"");
  }
  return make_text(made.take());
}

Value urlize(Machine&, const Value&, const Arguments&) {
  throw Stop("makes links of addresses by urlize, which is not supported here");
}

}  // namespace

const FilterTable& text_filters() {
  static const FilterTable table = {
      {"upper", changed<upper_case>},
      {"lower", changed<lower_case>},
      {"capitalize", changed<capitalized>},
      {"title", changed<title_words>},
      {"string", string},
      {"safe", safe},
      {"e", escape<false>},
      {"escape", escape<false>},
      {"forceescape", escape<true>},
      {"trim", trim},
      {"replace", replace},
      {"center", center},
      {"join", join},
      {"format", format},
      {"indent", indent},
      {"truncate", truncate},
      {"urlencode", urlencode},
      {"urlize", urlize},
      {"wordcount", wordcount},
      {"striptags", striptags},
      {"xmlattr", xmlattr},
  };
  return table;
}

}  // namespace stemma::jinja
