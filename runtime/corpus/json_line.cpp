#include "runtime/corpus/json_line.h"

#include <simdjson.h>

namespace stemma {

namespace {

namespace json = simdjson::ondemand;

// As written, without blanks behind it; empty where it has other letters than numbers have.
std::string_view number(json::value& value) {
  std::string_view written = value.raw_json_token();
  written = written.substr(0, written.find_last_not_of(" \t\r\n") + 1);
  return written.find_first_not_of("+-.0123456789eE") == std::string_view::npos ? written : "";
}

// A text, or the texts of a list.
bool read_facts(json::value& value, json::json_type type, std::vector<std::string>& facts) {
  std::string_view text;
  facts.clear();
  if (type == json::json_type::string) return !value.get_string().get(text) && (facts.emplace_back(text), true);
  json::array items;
  if (value.get_array().get(items)) return false;
  for (auto item : items) {
    json::value fact;
    json::json_type kind;
    if (item.get(fact) || fact.type().get(kind)) return false;
    if (kind != json::json_type::string) continue;
    if (fact.get_string().get(text)) return false;
    facts.emplace_back(text);
  }
  return true;
}

// What a field holds that is no text is passed over, but for an id that is a number.
bool read_field(std::string_view name, json::value& value, Document& document, bool& has_text) {
  json::json_type type;
  if (value.type().get(type)) return false;
  const bool is_text = type == json::json_type::string;
  if (name == "facts") return !(is_text || type == json::json_type::array) || read_facts(value, type, document.facts);
  std::string* const field = name == "text"     ? &document.text
                             : name == "id"     ? &document.name
                             : name == "source" ? &document.source
                             : name == "task"   ? &document.task
                                                : nullptr;
  std::string_view read;
  if (name == "id" && type == json::json_type::number) {
    read = number(value);
    if (read.empty()) return false;
  } else if (!field || !is_text) {
    return true;
  } else if (value.get_string().get(read)) {
    return false;
  }
  *field = read;
  has_text |= field == &document.text;
  return true;
}

bool ended(json::document& whole, std::string_view padded) {
  const char* left;  // an error where nothing is
  return whole.current_location().get(left) ||
         padded.find_first_not_of(" \t\r\n", static_cast<size_t>(left - padded.data())) == std::string_view::npos;
}

bool read_fields(json::object& object, Document& document, bool& has_text) {
  for (auto field : object) {
    std::string_view name;
    json::value value;
    if (field.unescaped_key().get(name) || field.value().get(value)) return false;
    if (!read_field(name, value, document, has_text)) return false;
  }
  return true;
}

}  // namespace

std::string read_json_line(std::string_view line, Document& document) {
  constexpr const char* broken = "not JSON";
  thread_local json::parser parser;
  thread_local std::string padded;  // the reader looks past the end
  padded.assign(line).append(simdjson::SIMDJSON_PADDING, ' ');
  json::document whole;
  json::json_type type;
  json::object object;
  bool has_text = false;
  if (parser.iterate(padded.data(), line.size(), padded.size()).get(whole) || whole.type().get(type)) return broken;
  if (type != json::json_type::object) return "not a JSON object";
  if (whole.get_object().get(object) || !read_fields(object, document, has_text) || !ended(whole, padded))
    return broken;
  if (!has_text) return "no \"text\"";
  if (document.text.empty()) return "an empty \"text\"";
  return {};
}

}  // namespace stemma
