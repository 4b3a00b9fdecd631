// The values of a template, as Python has them.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "runtime/template/limits.h"

namespace stemma::jinja {

// Text of Python's str. Positions and lengths are in characters; bytes that are not UTF-8 count as one each.
struct Text {
  Text(std::string text, bool is_markup);
  std::string bytes;
  size_t length;
  bool markup;  // escaped for HTML, or said to be: what is added to it is escaped
  Charge charge;
};

struct Undefined {
  std::shared_ptr<const std::string> why;
};
struct None {};

struct Wide;  // an integer that does not fit into 64 bits (integers.h)
struct Sequence;
class Dict;
class Object;

// Cheap to copy: what is large is shared and never changes.
class Value {
 public:
  enum class Kind { undefined, none, boolean, integer, wide, real, text, sequence, dict, object };

  Value() : data_(Undefined{}) {}
  Value(Undefined undefined) : data_(std::move(undefined)) {}
  Value(None none) : data_(none) {}
  explicit Value(bool truth) : data_(truth) {}
  explicit Value(int64_t integer) : data_(integer) {}
  explicit Value(double real) : data_(real) {}
  explicit Value(std::shared_ptr<const Wide> wide) : data_(std::move(wide)) {}
  Value(std::shared_ptr<const Text> text) : data_(std::move(text)) {}
  Value(std::shared_ptr<const Sequence> sequence) : data_(std::move(sequence)) {}
  Value(std::shared_ptr<const Dict> dict) : data_(std::move(dict)) {}
  Value(std::shared_ptr<Object> object) : data_(std::move(object)) {}
  Value(const char*) = delete;  // would be a boolean

  Kind kind() const { return static_cast<Kind>(data_.index()); }
  bool is(Kind kind) const { return this->kind() == kind; }
  bool is_undefined() const { return is(Kind::undefined); }
  bool is_none() const { return is(Kind::none); }
  bool is_text() const { return is(Kind::text); }
  bool is_number() const { return is_integer() || is(Kind::real); }
  bool is_integer() const { return is_whole() || is(Kind::wide); }          // a boolean is an integer, in Python
  bool is_whole() const { return is(Kind::boolean) || is(Kind::integer); }  // one of 64 bits

  bool boolean() const { return std::get<bool>(data_); }
  int64_t whole() const { return is(Kind::boolean) ? boolean() : std::get<int64_t>(data_); }
  const Wide& wide() const { return *std::get<std::shared_ptr<const Wide>>(data_); }
  double number() const;  // of an integer the nearest; throws Fault past what a real can be
  const Text& text() const { return *std::get<std::shared_ptr<const Text>>(data_); }
  const Sequence& sequence() const { return *std::get<std::shared_ptr<const Sequence>>(data_); }
  const std::shared_ptr<const Dict>& shared_dict() const { return std::get<std::shared_ptr<const Dict>>(data_); }
  const Dict& dict() const { return *shared_dict(); }
  const std::shared_ptr<Object>& object() const { return std::get<std::shared_ptr<Object>>(data_); }
  template <class T>
  T* as() const {  // null where it is no such object
    return is(Kind::object) ? dynamic_cast<T*>(object().get()) : nullptr;
  }

  const std::string& why_undefined() const;
  int depth() const;                    // 0: holds no other value
  const char* type_name() const;        // Python's
  bool same(const Value& other) const;  // Python's `is`

 private:
  std::variant<Undefined, None, bool, int64_t, std::shared_ptr<const Wide>, double, std::shared_ptr<const Text>,
               std::shared_ptr<const Sequence>, std::shared_ptr<const Dict>, std::shared_ptr<Object>>
      data_;
};

// A list, or a tuple; a group is the tuple (grouper, list) that groupby gives.
struct Sequence {
  enum class Form { list, tuple, group };
  Sequence(std::vector<Value> values, Form is_form);
  std::vector<Value> items;
  Form form;
  int depth;
  Charge charge;
};

// In the order of insertion. Filled while it is made, then left alone.
class Dict {
 public:
  using Entry = std::pair<Value, Value>;

  void set(const Value& key, Value value);  // throws Fault where the key cannot be hashed
  const Value* find(const Value& key) const;
  const Value* find(std::string_view key) const;
  const std::vector<Entry>& entries() const { return entries_; }
  int depth() const { return depth_; }

 private:
  const size_t* place_of(const Value& key, size_t hash) const;

  std::vector<Entry> entries_;
  std::unordered_multimap<size_t, size_t> places_;  // hash -> place in entries_
  int depth_ = 1;
  Charge charge_{64};
};

Value make_undefined(std::string why);
Value make_text(std::string text, bool markup = false);
Value make_list(std::vector<Value> items);
Value make_tuple(std::vector<Value> items);

// Python's hash, in that equal values have equal hashes. Throws Fault for lists and dicts.
size_t hash_of(const Value& value);
bool can_be_hashed(const Value& value);

}  // namespace stemma::jinja
