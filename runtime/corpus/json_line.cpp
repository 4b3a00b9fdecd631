#include "runtime/corpus/json_line.h"

#include <nlohmann/json.hpp>

namespace stemma {

namespace {

// Keeps the five fields of the outermost object and passes over everything else without building it.
class FieldReader : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit FieldReader(Document& document) : document_(document) {}

  bool string(string_t& value) override {
    take(value);
    return true;
  }
  bool number_integer(number_integer_t value) override { return number(std::to_string(value)); }
  bool number_unsigned(number_unsigned_t value) override { return number(std::to_string(value)); }
  bool number_float(number_float_t, const string_t& written) override { return number(written); }
  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool key(string_t& name) override {
    if (depth_ == 1) field_ = name;
    return true;
  }
  bool start_object(size_t) override {
    if (depth_ == 0) object = true;
    ++depth_;
    return true;
  }
  bool end_object() override {
    --depth_;
    return true;
  }
  bool start_array(size_t) override {
    if (depth_ == 1) array_ = true;
    if (depth_ == 1 && field_ == "facts") document_.facts.clear();
    ++depth_;
    return true;
  }
  bool end_array() override {
    --depth_;
    if (depth_ == 1) array_ = false;
    return true;
  }
  bool parse_error(size_t, const std::string&, const nlohmann::json::exception&) override { return false; }

  bool object = false, has_text = false;

 private:
  void take(std::string& value) {
    if (depth_ == 2 && array_ && field_ == "facts") document_.facts.push_back(std::move(value));
    if (depth_ != 1) return;
    if (field_ == "text") {
      document_.text = std::move(value);
      has_text = true;
    } else if (field_ == "id") {
      document_.name = std::move(value);
    } else if (field_ == "source") {
      document_.source = std::move(value);
    } else if (field_ == "task") {
      document_.task = std::move(value);
    } else if (field_ == "facts") {
      document_.facts = {std::move(value)};
    }
  }
  bool number(std::string written) {
    if (depth_ == 1 && field_ == "id") document_.name = std::move(written);
    return true;
  }

  Document& document_;
  std::string field_;
  int depth_ = 0;
  bool array_ = false;  // the outermost value in hand is an array
};

}  // namespace

std::string read_json_line(std::string_view line, Document& document) {
  FieldReader reader(document);
  if (!nlohmann::json::sax_parse(line.begin(), line.end(), &reader)) return "not JSON";
  if (!reader.object) return "not a JSON object";
  if (!reader.has_text) return "no \"text\"";
  if (document.text.empty()) return "an empty \"text\"";
  return {};
}

}  // namespace stemma
