#include "runtime/template/values/json.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "runtime/template/builtins/registry.h"
#include "runtime/template/machine/parameters.h"
#include "runtime/template/values/characters.h"
#include "runtime/template/values/integers.h"
#include "runtime/template/values/object.h"
#include "runtime/template/values/operators.h"
#include "runtime/template/values/print.h"

namespace stemma::jinja {

namespace {

using Kind = Value::Kind;
using nlohmann::ordered_json;

Value from_json(const ordered_json& json, int depth) {
  depth = deeper(depth);
  switch (json.type()) {
    case ordered_json::value_t::boolean:
      return Value(json.get<bool>());
    case ordered_json::value_t::number_integer:
      return Value(json.get<int64_t>());
    case ordered_json::value_t::number_unsigned:
      return integer_from(json.get<uint64_t>());
    case ordered_json::value_t::number_float:
      return Value(json.get<double>());
    case ordered_json::value_t::string:
      return make_text(json.get<std::string>());
    case ordered_json::value_t::array: {
      std::vector<Value> items;
      for (const auto& item : json) items.push_back(from_json(item, depth));
      return make_list(std::move(items));
    }
    case ordered_json::value_t::object: {
      auto dict = std::make_shared<Dict>();
      for (const auto& [key, item] : json.items()) dict->set(make_text(key), from_json(item, depth));
      return Value(std::shared_ptr<const Dict>(dict));
    }
    default:
      return None{};
  }
}

std::string real_in_json(double real) {
  if (std::isnan(real)) return "NaN";
  if (std::isinf(real)) return real < 0 ? "-Infinity" : "Infinity";
  return printed_real(real);
}

class JsonWriter {
 public:
  explicit JsonWriter(const JsonStyle& style) : style_(style) {}

  void write(const Value& value) {
    work(1);
    switch (value.kind()) {
      case Kind::none:
        return text_.add("null");
      case Kind::boolean:
        return text_.add(value.boolean() ? "true" : "false");
      case Kind::real:
        return text_.add(real_in_json(value.number()));
      case Kind::integer:
      case Kind::wide:
        return text_.add(printed(value));
      case Kind::text:
        return write(value.text().bytes);
      case Kind::sequence:
        return between("[", "]", value.sequence().items.size(), [&](size_t i) { write(value.sequence().items[i]); });
      case Kind::dict:
        return write(value.dict());
      default:
        throw Fault(fmt::format("Object of type {} is not JSON serializable", value.type_name()));
    }
  }

  std::string take() { return text_.take(); }

 private:
  void write(const Dict& dict) {
    std::vector<const Dict::Entry*> entries;
    for (const Dict::Entry& entry : dict.entries()) entries.push_back(&entry);
    if (style_.sorted)
      std::stable_sort(entries.begin(), entries.end(),
                       [](const auto* a, const auto* b) { return less(a->first, b->first); });
    between("{", "}", entries.size(), [&](size_t i) {
      write(key(entries[i]->first));
      text_.add(style_.key_separator);
      write(entries[i]->second);
    });
  }

  static std::string key(const Value& key) {
    switch (key.kind()) {
      case Kind::text:
        return key.text().bytes;
      case Kind::none:
        return "null";
      case Kind::boolean:
        return key.boolean() ? "true" : "false";
      case Kind::real:
        return real_in_json(key.number());
      case Kind::integer:
      case Kind::wide:
        return printed(key);
      default:
        throw Fault(fmt::format("keys must be str, int, float, bool or None, not {}", key.type_name()));
    }
  }

  template <class Each>
  void between(std::string_view open, std::string_view close, size_t count, Each&& each) {
    text_.add(open);
    ++depth_;
    for (size_t i = 0; i < count; ++i) {
      if (i) text_.add(style_.item_separator);
      new_line();
      each(i);
    }
    --depth_;
    if (count) new_line();
    text_.add(close);
  }

  void new_line() {
    if (!style_.indents) return;
    text_.add("\n");
    for (int i = 0; i < depth_; ++i) text_.add(style_.indent);
  }

  void write(const std::string& text) {
    work_on_characters(text.size());
    text_.add("\"");
    size_t begin = 0;
    for (size_t at = 0; at < text.size();) {
      const size_t length = bytes_of_character(text, at);
      const std::string escape = escape_of(text, at);
      if (!escape.empty()) {
        work(1);
        text_.add(std::string_view(text).substr(begin, at - begin));
        text_.add(escape);
        begin = at + length;
      }
      at += length;
    }
    text_.add(std::string_view(text).substr(begin));
    text_.add("\"");
  }

  std::string escape_of(const std::string& text, size_t at) const {
    const auto byte = static_cast<unsigned char>(text[at]);
    static constexpr std::string_view special = "\"\\\n\r\t\f\b", letters = "\"\\nrtfb";
    if (const size_t place = special.find(text[at]); place != std::string_view::npos) return {'\\', letters[place]};
    if (byte < 0x20) return fmt::format("\\u{:04x}", byte);
    if (byte < 0x80 || !style_.ascii) return {};
    const auto character = static_cast<uint32_t>(character_at(text, at));
    if (character < 0x10000) return fmt::format("\\u{:04x}", character);
    return fmt::format("\\u{:04x}\\u{:04x}", 0xD800 + ((character - 0x10000) >> 10),
                       0xDC00 + ((character - 0x10000) & 0x3FF));
  }

  const JsonStyle& style_;
  Builder text_;
  int depth_ = 0;
};

// The filter as transformers defines it, not Jinja2's own, which escapes for HTML.
Value tojson(Machine&, const Value& input, const Arguments& arguments) {
  const Parameters given("tojson", arguments, {"ensure_ascii", "indent", "separators", "sort_keys"});
  JsonStyle style;
  style.ascii = given.truth(0, false);
  style.sorted = given.truth(3, false);
  if (!given[1].is_none()) {
    style.indents = true;
    style.item_separator = ",";
    if (given[1].is_text()) {
      style.indent = given.text(1);
    } else {
      const int64_t width = std::max<int64_t>(given.whole(1, 0), 0);
      expect_room(width);
      style.indent.assign(static_cast<size_t>(width), ' ');
    }
  }
  if (!given[2].is_none()) {
    const std::vector<Value> separators = list_of(given[2]);
    if (separators.size() != 2) throw Fault("tojson() wants two separators: between items, and after a key");
    for (const Value& each : separators)
      if (!each.is_text()) throw Fault("the separators of tojson() must be strings");
    style.item_separator = separators[0].text().bytes;
    style.key_separator = separators[1].text().bytes;
  }
  return make_text(to_json(input, style));
}

}  // namespace

Value from_json(const ordered_json& json) { return from_json(json, 0); }

std::string to_json(const Value& value, const JsonStyle& style) {
  JsonWriter writer(style);
  writer.write(value);
  return writer.take();
}

const FilterTable& json_filters() {
  static const FilterTable table = {{"tojson", tojson}};
  return table;
}

}  // namespace stemma::jinja
