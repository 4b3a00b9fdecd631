#include "runtime/corpus/json_line.h"

#include "runtime/corpus/json_reader.h"

namespace stemma {

namespace {

// A text, or the texts of a list.
bool read_facts(JsonReader& json, std::vector<std::string>& facts) {
  const char first = json.next();
  if (first != '"' && first != '[') return json.any();
  facts.clear();
  if (first == '"') return json.string(&facts.emplace_back());
  json.take('[');
  if (json.take(']')) return true;
  do {
    if (!(json.next() == '"' ? json.string(&facts.emplace_back()) : json.any())) return false;
  } while (json.take(','));
  return json.take(']');
}

// What stands behind the name and colon of a field. What a field holds that is no text is passed over, but for an id
// that is a number.
bool read_field(JsonReader& json, std::string_view name, Document& document, bool& has_text) {
  if (name == "facts") return read_facts(json, document.facts);
  std::string* field = name == "text"     ? &document.text
                       : name == "id"     ? &document.name
                       : name == "source" ? &document.source
                       : name == "task"   ? &document.task
                                          : nullptr;
  const bool text = json.next() == '"';
  if (!field || !(text || (name == "id" && json.starts_number()))) return json.any();
  field->clear();
  has_text |= field == &document.text;
  return text ? json.string(field) : json.number(field);
}

bool read_fields(JsonReader& json, Document& document, bool& has_text) {
  if (json.take('}')) return true;
  std::string name;
  do {
    name.clear();
    if (!json.string(&name) || !json.take(':') || !read_field(json, name, document, has_text)) return false;
  } while (json.take(','));
  return json.take('}');
}

}  // namespace

std::string read_json_line(std::string_view line, Document& document) {
  JsonReader json(line);
  bool has_text = false;
  const bool object = json.take('{');
  if (!(object ? read_fields(json, document, has_text) : json.any()) || !json.ended()) return "not JSON";
  if (!object) return "not a JSON object";
  if (!has_text) return "no \"text\"";
  if (document.text.empty()) return "an empty \"text\"";
  return {};
}

}  // namespace stemma
