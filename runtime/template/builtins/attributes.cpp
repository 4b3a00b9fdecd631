#include "runtime/template/builtins/attributes.h"

#include <charconv>

#include "runtime/template/values/letters.h"
#include "runtime/template/values/operators.h"

namespace stemma::jinja {

AttributePath::AttributePath(const Value& attribute) {
  if (attribute.is_none()) return;
  if (!attribute.is_text()) {
    parts_.push_back(attribute);
    return;
  }
  const std::string& text = attribute.text().bytes;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find('.', begin), text.size());
    const std::string part = text.substr(begin, end - begin);
    int64_t index = 0;
    const bool number =
        is_digit(part) && std::from_chars(part.data(), part.data() + part.size(), index).ec == std::errc();
    parts_.push_back(number ? Value(index) : make_text(part));
    begin = end + 1;
  }
}

Value AttributePath::of(Value item, const Value* otherwise) const {
  for (const Value& part : parts_) {
    item = item_of(item, part);
    if (otherwise && item.is_undefined()) item = *otherwise;
  }
  return item;
}

Value without_case(const Value& value) { return value.is_text() ? make_text(lower_case(value.text().bytes)) : value; }

}  // namespace stemma::jinja
