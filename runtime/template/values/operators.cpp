#include "runtime/template/values/operators.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "runtime/template/values/characters.h"
#include "runtime/template/values/escape.h"
#include "runtime/template/values/format.h"
#include "runtime/template/values/integers.h"
#include "runtime/template/values/object.h"
#include "runtime/template/values/print.h"

namespace stemma::jinja {

namespace {

using Kind = Value::Kind;

constexpr const char* signs[] = {"+", "-", "*", "/", "//", "%", "** or pow()"};
constexpr const char* orders[] = {"==", "!=", "<", "<=", ">", ">="};

[[noreturn]] void refuse(Binary operation, const Value& left, const Value& right) {
  throw Fault(fmt::format("unsupported operand type(s) for {}: '{}' and '{}'", signs[static_cast<size_t>(operation)],
                          left.type_name(), right.type_name()));
}

// Of two integers of 64 bits; nothing where the result may have more, or be inexact.
std::optional<Value> whole_result(Binary operation, int64_t a, int64_t b) {
  int64_t result = 0;
  const auto unless = [&](bool overflows) { return overflows ? std::nullopt : std::optional(Value(result)); };
  switch (operation) {
    case Binary::add:
      return unless(__builtin_add_overflow(a, b, &result));
    case Binary::subtract:
      return unless(__builtin_sub_overflow(a, b, &result));
    case Binary::multiply:
      return unless(__builtin_mul_overflow(a, b, &result));
    case Binary::divide_down:
    case Binary::remainder: {
      if (b == 0 || b == -1) return std::nullopt;
      const int64_t rest = a % b;
      const bool down = rest != 0 && (rest < 0) != (b < 0);
      if (operation == Binary::remainder) return Value(down ? rest + b : rest);
      return Value(a / b - (down ? 1 : 0));
    }
    default:
      return std::nullopt;
  }
}

Value real_result(Binary operation, double a, double b) {
  switch (operation) {
    case Binary::add:
      return Value(a + b);
    case Binary::subtract:
      return Value(a - b);
    case Binary::multiply:
      return Value(a * b);
    case Binary::divide:
      if (b == 0) throw Fault("float division by zero");
      return Value(a / b);
    case Binary::divide_down:
    case Binary::remainder: {
      if (b == 0) throw Fault(operation == Binary::remainder ? "float modulo" : "float floor division by zero");
      double rest = std::fmod(a, b), quotient = (a - rest) / b;
      if (rest != 0 && (rest < 0) != (b < 0)) {
        rest += b;
        quotient -= 1;
      }
      if (operation == Binary::remainder) return Value(rest == 0 ? std::copysign(0.0, b) : rest);
      if (quotient == 0) return Value(std::copysign(0.0, a / b));
      const double floored = std::floor(quotient);
      return Value(quotient - floored > 0.5 ? floored + 1 : floored);
    }
    case Binary::power: {
      if (a == 0 && b < 0) throw Fault("0.0 cannot be raised to a negative power");
      if (a < 0 && std::isfinite(b) && std::floor(b) != b)
        throw Stop("computes with a complex number, which is not supported here");
      const double result = std::pow(a, b);
      if (std::isinf(result) && std::isfinite(a) && std::isfinite(b))
        throw Fault("(34, 'Numerical result out of range')");
      return Value(result);
    }
  }
  return {};
}

Value joined(const Value& left, const Value& right) {
  if (left.is_text()) {
    const bool markup = left.text().markup || right.text().markup;
    Builder both;
    both.add(markup && !left.text().markup ? escaped(left.text().bytes) : left.text().bytes);
    both.add(markup && !right.text().markup ? escaped(right.text().bytes) : right.text().bytes);
    return make_text(both.take(), markup);
  }
  const Sequence &a = left.sequence(), &b = right.sequence();
  const bool list = a.form == Sequence::Form::list;
  if (list != (b.form == Sequence::Form::list)) refuse(Binary::add, left, right);
  expect_room(static_cast<int64_t>((a.items.size() + b.items.size()) * sizeof(Value)));
  std::vector<Value> items = a.items;
  items.insert(items.end(), b.items.begin(), b.items.end());
  return list ? make_list(std::move(items)) : make_tuple(std::move(items));
}

bool is_nan(const Value& value) { return value.is(Kind::real) && std::isnan(value.number()); }

template <class Less>
bool ordered(const Value& left, const Value& right, const char* sign, Less&& holds) {
  if (left.is_number() && right.is_number()) {
    if (left.is_whole() && right.is_whole()) return holds(left.whole(), right.whole());
    if (is_nan(left) || is_nan(right)) return holds(std::nan(""), std::nan(""));
    return holds(order_of_numbers(left, right), 0);
  }
  if (left.is_text() && right.is_text()) {
    const std::string &a = left.text().bytes, &b = right.text().bytes;
    work_on_bytes(std::min(a.size(), b.size()));
    return holds(a.compare(b), 0);  // UTF-8 sorts as its characters do
  }
  if (left.is(Kind::sequence) && right.is(Kind::sequence)) {
    const Sequence &a = left.sequence(), &b = right.sequence();
    if ((a.form == Sequence::Form::list) == (b.form == Sequence::Form::list)) {
      for (size_t i = 0; i < a.items.size() && i < b.items.size(); ++i)
        if (!equal(a.items[i], b.items[i])) return ordered(a.items[i], b.items[i], sign, holds);
      return holds(a.items.size(), b.items.size());
    }
  }
  for (const Value* value : {&left, &right})
    if (value->is_undefined()) throw Fault(value->why_undefined());
  throw Fault(
      fmt::format("'{}' not supported between instances of '{}' and '{}'", sign, left.type_name(), right.type_name()));
}

}  // namespace

bool truth(const Value& value) {
  switch (value.kind()) {
    case Kind::undefined:
    case Kind::none:
      return false;
    case Kind::boolean:
    case Kind::integer:
      return value.whole() != 0;
    case Kind::wide:
      return true;
    case Kind::real:
      return value.number() != 0;
    case Kind::object:
      return value.object()->length().value_or(1) != 0;
    default:
      return length_of(value).value_or(1) != 0;
  }
}

bool equal(const Value& left, const Value& right) {
  work(1);
  if (left.is_number() && right.is_number()) {
    if (left.is_whole() && right.is_whole()) return left.whole() == right.whole();
    return !is_nan(left) && !is_nan(right) && order_of_numbers(left, right) == 0;
  }
  if (left.kind() != right.kind()) return false;
  switch (left.kind()) {
    case Kind::text:
      work_on_bytes(std::min(left.text().bytes.size(), right.text().bytes.size()));
      return left.text().bytes == right.text().bytes;
    case Kind::sequence: {
      const Sequence &a = left.sequence(), &b = right.sequence();
      if (&a == &b) return true;
      return (a.form == Sequence::Form::list) == (b.form == Sequence::Form::list) &&
             std::equal(a.items.begin(), a.items.end(), b.items.begin(), b.items.end(), equal);
    }
    case Kind::dict: {
      const Dict &a = left.dict(), &b = right.dict();
      if (&a == &b) return true;
      if (a.entries().size() != b.entries().size()) return false;
      return std::all_of(a.entries().begin(), a.entries().end(), [&](const Dict::Entry& entry) {
        const Value* other = b.find(entry.first);
        return other && equal(entry.second, *other);
      });
    }
    case Kind::object: {
      const auto *a = left.as<Range>(), *b = right.as<Range>();
      if (a && b && left.object()->length() == right.object()->length()) {
        const int64_t count = *left.object()->length();
        return count == 0 || (a->begin() == b->begin() && (count == 1 || a->step() == b->step()));
      }
      return left.object() == right.object();
    }
    default:
      return true;  // None and None, undefined and undefined
  }
}

bool less(const Value& left, const Value& right) {
  work(1);
  return ordered(left, right, "<", [](const auto& a, const auto& b) { return a < b; });
}

bool compare(Comparison comparison, const Value& left, const Value& right) {
  const char* sign = orders[std::min<size_t>(static_cast<size_t>(comparison), 5)];
  switch (comparison) {
    case Comparison::equal:
      return equal(left, right);
    case Comparison::not_equal:
      return !equal(left, right);
    case Comparison::less:
      return ordered(left, right, sign, [](const auto& a, const auto& b) { return a < b; });
    case Comparison::less_or_equal:
      return ordered(left, right, sign, [](const auto& a, const auto& b) { return a <= b; });
    case Comparison::greater:
      return ordered(left, right, sign, [](const auto& a, const auto& b) { return a > b; });
    case Comparison::greater_or_equal:
      return ordered(left, right, sign, [](const auto& a, const auto& b) { return a >= b; });
    case Comparison::in:
      return contains(right, left);
    case Comparison::not_in:
      return !contains(right, left);
  }
  return false;
}

bool contains(const Value& holder, const Value& item) {
  if (holder.is_text()) {
    if (!item.is_text())
      throw Fault(fmt::format("'in <string>' requires string as left operand, not {}", item.type_name()));
    work_on_bytes(holder.text().bytes.size());
    return find_text(holder.text().bytes, item.text().bytes) != std::string_view::npos;
  }
  if (holder.is(Kind::dict)) return holder.dict().find(item) != nullptr;
  if (!can_be_gone_through(holder))
    throw Fault(fmt::format("argument of type '{}' is not iterable", holder.type_name()));
  Cursor cursor = items_of(holder);
  for (Value next; cursor(next);) {
    work(1);
    if (equal(next, item)) return true;
  }
  return false;
}

Value repeated(const Value& value, int64_t count) {
  const auto times = static_cast<size_t>(std::max<int64_t>(count, 0));
  const size_t size = value.is_text() ? value.text().bytes.size() : value.sequence().items.size() * sizeof(Value);
  if (size > 0) {
    if (times > static_cast<size_t>(INT64_MAX) / size) expect_room(INT64_MAX);
    expect_room(static_cast<int64_t>(size * times));
  }
  if (value.is_text()) {
    const std::string& once = value.text().bytes;
    if (size == 1) return make_text(std::string(times, once[0]), value.text().markup);
    std::string text;
    text.reserve(size * times);
    for (size_t i = 0; size > 0 && i < times; ++i) text += once;
    return make_text(std::move(text), value.text().markup);
  }
  const Sequence& sequence = value.sequence();
  std::vector<Value> items;
  items.reserve(sequence.items.size() * (size > 0 ? times : 0));
  for (size_t i = 0; size > 0 && i < times; ++i)
    items.insert(items.end(), sequence.items.begin(), sequence.items.end());
  return sequence.form == Sequence::Form::list ? make_list(std::move(items)) : make_tuple(std::move(items));
}

Value apply(Binary operation, const Value& left, const Value& right) {
  for (const Value* value : {&left, &right})
    if (value->is_undefined() && !(operation == Binary::remainder && left.is_text()))
      throw Fault(value->why_undefined());
  if (operation == Binary::remainder && left.is_text())
    return make_text(percent_format(left.text().bytes, right, left.text().markup), left.text().markup);
  if (left.is_number() && right.is_number()) {
    if (left.is_whole() && right.is_whole())
      if (const auto result = whole_result(operation, left.whole(), right.whole())) return *result;
    if (left.is_integer() && right.is_integer()) return apply_to_integers(operation, left, right);
    return real_result(operation, left.number(), right.number());
  }
  const bool same_kind = left.kind() == right.kind();
  if (operation == Binary::add && same_kind && (left.is_text() || left.is(Kind::sequence))) return joined(left, right);
  if (operation == Binary::multiply) {
    if (right.is_whole() && (left.is_text() || left.is(Kind::sequence))) return repeated(left, right.whole());
    if (left.is_whole() && (right.is_text() || right.is(Kind::sequence))) return repeated(right, left.whole());
  }
  refuse(operation, left, right);
}

Value negated(const Value& value) {
  if (value.is_undefined()) throw Fault(value.why_undefined());
  if (value.is(Kind::real)) return Value(-value.number());
  if (!value.is_integer()) throw Fault(fmt::format("bad operand type for unary -: '{}'", value.type_name()));
  return negated_integer(value);
}

Value positive(const Value& value) {
  if (value.is_undefined()) throw Fault(value.why_undefined());
  if (value.is(Kind::real) || value.is(Kind::wide)) return value;
  if (!value.is_whole()) throw Fault(fmt::format("bad operand type for unary +: '{}'", value.type_name()));
  return Value(value.whole());
}

}  // namespace stemma::jinja
