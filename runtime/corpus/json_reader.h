// Strict JSON (RFC 8259, in UTF-8), in one pass over its bytes: what nobody asks for is checked and passed over, not
// built. Reading a corpus is this, and a general parser takes five times as long.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace stemma {

// Each passes over white space, then over what it names; false where that does not stand there whole.
class JsonReader {
 public:
  explicit JsonReader(std::string_view text) : text_(text) {}

  char next();           // the byte that the next value or mark begins with; NUL at the end
  bool starts_number();  // whether that is a number
  bool take(char mark);
  bool string(std::string* value);    // what it stands for, behind what is in `value`, which may be null
  bool number(std::string* written);  // as it is written
  bool any();                         // any value, to its end; memory is a byte for each level that it nests
  bool ended() { return next() == '\0' && at_ == text_.size(); }

 private:
  bool word(std::string_view word);
  bool digits();
  bool escape(std::string* value);
  bool hexadecimal(char32_t& unit);
  bool simple();  // a string, number or word
  void skip_plain();
  char byte() const { return at_ < text_.size() ? text_[at_] : '\0'; }

  std::string_view text_;
  size_t at_ = 0;
};

}  // namespace stemma
