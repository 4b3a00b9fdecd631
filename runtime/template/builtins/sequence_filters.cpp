// Filters on lists, dicts and what else has items.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "runtime/template/builtins/attributes.h"
#include "runtime/template/builtins/registry.h"
#include "runtime/template/machine/machine.h"
#include "runtime/template/machine/parameters.h"
#include "runtime/template/values/characters.h"
#include "runtime/template/values/operators.h"
#include "runtime/template/values/print.h"

namespace stemma::jinja {

namespace {

using Kind = Value::Kind;

struct Keyed {
  Value key, item;
};

void sort_keyed(std::vector<Keyed>& items, bool reverse) {
  // Like Python's, a reversed sort keeps the order of equals.
  std::stable_sort(items.begin(), items.end(),
                   [&](const Keyed& a, const Keyed& b) { return reverse ? less(b.key, a.key) : less(a.key, b.key); });
}

Value list(Machine&, const Value& input, const Arguments& arguments) {
  const Parameters none("list", arguments, {});
  return make_list(list_of(input));
}

Value length(Machine&, const Value& input, const Arguments& arguments) {
  const Parameters none("length", arguments, {});
  const auto length = length_of(input);
  if (!length) throw Fault(fmt::format("object of type '{}' has no len()", input.type_name()));
  return Value(*length);
}

Value first(Machine&, const Value& input, const Arguments& arguments) {
  const Parameters none("first", arguments, {});
  Value item;
  return items_of(input)(item) ? item : make_undefined("No first item, sequence was empty.");
}

bool can_be_reversed(const Value& value) {
  return value.is_undefined() || value.is_text() || value.is(Kind::sequence) || value.is(Kind::dict) ||
         value.as<Range>() || value.as<DictView>();
}

Value last(Machine&, const Value& input, const Arguments& arguments) {
  const Parameters none("last", arguments, {});
  if (!can_be_reversed(input)) throw Fault(fmt::format("'{}' object is not reversible", input.type_name()));
  if (input.is_text() || input.is(Kind::sequence)) {
    Value item = item_of(input, Value(int64_t{-1}));
    return *length_of(input) > 0 ? item : make_undefined("No last item, sequence was empty.");
  }
  const std::vector<Value> items = list_of(input);
  return items.empty() ? make_undefined("No last item, sequence was empty.") : items.back();
}

Value random(Machine& machine, const Value& input, const Arguments& arguments) {
  const Parameters none("random", arguments, {});
  if (!input.is_text() && !input.is(Kind::sequence) && !input.as<Range>())
    throw Fault(fmt::format("'{}' object cannot be chosen from", input.type_name()));
  const int64_t length = *length_of(input);
  if (length == 0) return make_undefined("No random item, sequence was empty.");
  return item_of(input, Value(static_cast<int64_t>(machine.chance(static_cast<uint64_t>(length)))));
}

Value reverse(Machine&, const Value& input, const Arguments& arguments) {
  const Parameters none("reverse", arguments, {});
  if (input.is_text()) return slice_of(input, None{}, None{}, Value(int64_t{-1}));
  if (!can_be_gone_through(input)) throw Fault("argument must be iterable");
  std::vector<Value> items = list_of(input);
  std::reverse(items.begin(), items.end());
  const Value reversed = make_list(std::move(items));
  return can_be_reversed(input) ? make_generator(items_of(reversed), reversed.depth()) : reversed;
}

Value sort(Machine&, const Value& input, const Arguments& arguments) {
  const Parameters given("sort", arguments, {"reverse", "case_sensitive", "attribute"});
  const bool sensitive = given.truth(1, false);
  std::vector<AttributePath> paths;
  if (given[2].is_text()) {
    const std::string& names = given.text(2);
    for (size_t begin = 0; begin <= names.size();) {
      const size_t end = std::min(names.find(',', begin), names.size());
      paths.emplace_back(make_text(names.substr(begin, end - begin)));
      begin = end + 1;
    }
  } else {
    paths.emplace_back(given[2]);
  }
  std::vector<Keyed> items;
  for (const Value& item : list_of(input)) {
    std::vector<Value> keys;
    for (const AttributePath& path : paths) keys.push_back(sensitive ? path.of(item) : without_case(path.of(item)));
    items.push_back({make_list(std::move(keys)), item});
  }
  sort_keyed(items, given.whole(0, 0) != 0);
  std::vector<Value> sorted;
  for (Keyed& each : items) sorted.push_back(std::move(each.item));
  return make_list(std::move(sorted));
}

Value dictsort(Machine&, const Value& input, const Arguments& arguments) {
  const Parameters given("dictsort", arguments, {"case_sensitive", "by", "reverse"});
  const std::string by = given.text(1, "key");
  if (by != "key" && by != "value") throw Fault("You can only sort by either \"key\" or \"value\"");
  if (!input.is(Kind::dict)) throw Fault(fmt::format("'{}' object has no attribute 'items'", input.type_name()));
  std::vector<Keyed> items;
  for (const auto& [key, value] : input.dict().entries()) {
    const Value& sorts = by == "key" ? key : value;
    items.push_back({given.truth(0, false) ? sorts : without_case(sorts), make_tuple({key, value})});
  }
  sort_keyed(items, given.whole(2, 0) != 0);
  std::vector<Value> sorted;
  for (Keyed& each : items) sorted.push_back(std::move(each.item));
  return make_list(std::move(sorted));
}

template <bool largest>
Value extreme(Machine&, const Value& input, const Arguments& arguments) {
  const Parameters given(largest ? "max" : "min", arguments, {"case_sensitive", "attribute"});
  const AttributePath path(given[1]);
  const auto key_of = [&](const Value& item) {
    return given.truth(0, false) ? path.of(item) : without_case(path.of(item));
  };
  Cursor cursor = items_of(input);
  Value best, next;
  if (!cursor(best)) return make_undefined("No aggregated item, sequence was empty.");
  for (Value best_key = key_of(best); cursor(next);) {
    Value key = key_of(next);
    if (!(largest ? less(best_key, key) : less(key, best_key))) continue;
    best = next;
    best_key = std::move(key);
  }
  return best;
}

Value sum(Machine&, const Value& input, const Arguments& arguments) {
  const Parameters given("sum", arguments, {"attribute", "start"});
  const AttributePath path(given[0]);
  Value total = given.given(1) ? given[1] : Value(int64_t{0});
  if (total.is_text()) throw Fault("sum() can't sum strings [use ''.join(seq) instead]");
  Cursor cursor = items_of(input);
  for (Value next; cursor(next);) total = apply(Binary::add, total, path.of(next));
  return total;
}

Value groupby(Machine&, const Value& input, const Arguments& arguments) {
  const Parameters given("groupby", arguments, {"attribute", "default", "case_sensitive"}, 1);
  const AttributePath path(given[0]);
  const Value* otherwise = given[1].is_none() ? nullptr : &given[1];
  const bool sensitive = given.truth(2, false);
  std::vector<Keyed> items;
  for (const Value& item : list_of(input)) {
    const Value key = path.of(item, otherwise);
    items.push_back({sensitive ? key : without_case(key), item});
  }
  sort_keyed(items, false);
  std::vector<Value> groups;
  for (size_t begin = 0, end = 0; begin < items.size(); begin = end) {
    std::vector<Value> members;
    for (end = begin; end < items.size() && equal(items[begin].key, items[end].key); ++end)
      members.push_back(items[end].item);
    if (end == begin) ++end;  // a key that is not equal to itself
    const Value grouper = path.of(items[begin].item, otherwise);
    groups.push_back(std::make_shared<const Sequence>(std::vector<Value>{grouper, make_list(std::move(members))},
                                                      Sequence::Form::group));
  }
  return make_list(std::move(groups));
}

Cursor unique_items(const Value& input, const AttributePath& path, bool sensitive) {
  return [cursor = items_of(input), path, sensitive, seen = std::make_shared<Dict>()](Value& next) mutable {
    while (cursor(next)) {
      const Value key = sensitive ? path.of(next) : without_case(path.of(next));
      if (seen->find(key)) continue;
      seen->set(key, None{});
      return true;
    }
    return false;
  };
}

Value unique(Machine&, const Value& input, const Arguments& arguments) {
  const Parameters given("unique", arguments, {"case_sensitive", "attribute"});
  return make_lazy_generator([input, path = AttributePath(given[1]),
                              sensitive = given.truth(0, false)] { return unique_items(input, path, sensitive); },
                             std::max(input.depth(), arguments.depth()));
}

Value items(Machine&, const Value& input, const Arguments& arguments) {
  const Parameters none("items", arguments, {});
  return make_lazy_generator(
      [input]() -> Cursor {
        if (input.is_undefined()) return items_of(input);
        if (!input.is(Kind::dict)) throw Fault("Can only get item pairs from a mapping.");
        return items_of(
            Value(std::shared_ptr<Object>(std::make_shared<DictView>(input.shared_dict(), DictView::What::items))));
      },
      input.depth() + 1);
}

// Lines of `size` items, the last one filled up.
Cursor batches(const Value& input, int64_t size, const Value& fill) {
  return [cursor = items_of(input), size, fill](Value& next) mutable {
    std::vector<Value> line;
    for (Value item; static_cast<int64_t>(line.size()) < size && cursor(item);) line.push_back(item);
    if (line.empty()) return false;
    if (!fill.is_none()) {
      expect_room(size * static_cast<int64_t>(sizeof(Value)));
      line.resize(static_cast<size_t>(size), fill);
    }
    next = make_list(std::move(line));
    return true;
  };
}

Value batch(Machine&, const Value& input, const Arguments& arguments) {
  const Parameters given("batch", arguments, {"linecount", "fill_with"}, 1);
  return make_lazy_generator(
      [input, count = given[0], fill = given[1]] {
        if (!count.is_whole() || count.whole() < 1 || count.whole() > INT32_MAX)
          throw Fault("batch() wants a number of items a line");
        return batches(input, count.whole(), fill);
      },
      std::max(input.depth(), arguments.depth()));
}

// So many lists of nearly the same length.
Cursor slices(const Value& input, int64_t count, const Value& fill) {
  if (count == 0) throw Fault("integer division or modulo by zero");
  const std::vector<Value> all = list_of(input);
  const auto size = static_cast<int64_t>(all.size());
  std::vector<Value> lists;
  expect_room(std::max<int64_t>(count, 0) * static_cast<int64_t>(4 * sizeof(Value)));
  for (int64_t i = 0, begin = 0; i < count; ++i) {
    const bool extra = i < size % count;
    const int64_t end = begin + size / count + (extra ? 1 : 0);
    std::vector<Value> part(all.begin() + begin, all.begin() + end);
    if (!fill.is_none() && !extra) part.push_back(fill);
    lists.push_back(make_list(std::move(part)));
    begin = end;
  }
  return items_of(make_list(std::move(lists)));
}

Value slice(Machine&, const Value& input, const Arguments& arguments) {
  const Parameters given("slice", arguments, {"slices", "fill_with"}, 1);
  return make_lazy_generator(
      [input, count = given[0], fill = given[1]] {
        if (!count.is_whole() || std::abs(count.number()) > INT32_MAX) throw Fault("slice() wants a number of lists");
        return slices(input, count.whole(), fill);
      },
      std::max(input.depth(), arguments.depth()));
}

Value otherwise(Machine&, const Value& input, const Arguments& arguments) {
  const Parameters given("default", arguments, {"default_value", "boolean"});
  if (!input.is_undefined() && !(given.truth(1, false) && !truth(input))) return input;
  return given.given(0) ? given[0] : make_text("");
}

Value attribute(Machine&, const Value& input, const Arguments& arguments) {
  const Parameters given("attr", arguments, {"name"}, 1);
  const std::string& name = given.text(0);
  if (!input.is(Kind::dict)) return attribute_of(input, name);
  const Value none = Value(std::shared_ptr<const Dict>(std::make_shared<Dict>()));
  return attribute_of(attribute_of(none, name).is_undefined() ? none : input, name);  // a method, never a key
}

}  // namespace

const FilterTable& sequence_filters() {
  static const FilterTable table = {
      {"list", list},       {"length", length}, {"count", length},      {"first", first},        {"last", last},
      {"reverse", reverse}, {"sort", sort},     {"dictsort", dictsort}, {"min", extreme<false>}, {"max", extreme<true>},
      {"random", random},   {"sum", sum},       {"groupby", groupby},   {"unique", unique},      {"items", items},
      {"batch", batch},     {"slice", slice},   {"d", otherwise},       {"default", otherwise},  {"attr", attribute},
  };
  return table;
}

}  // namespace stemma::jinja
