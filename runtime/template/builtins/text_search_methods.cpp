// Methods of str that look for a part of it, or cut it into parts.
#include <fmt/format.h>

#include <algorithm>

#include "runtime/template/builtins/methods.h"
#include "runtime/template/machine/parameters.h"
#include "runtime/template/values/characters.h"
#include "runtime/template/values/operators.h"

namespace stemma::jinja {

namespace {

Value part_of(const Value& self, std::string_view part) { return make_text(std::string(part), self.text().markup); }

// The part of the text that [start, end] of find, count, startswith ask for.
struct Window {
  std::string_view text;
  size_t first;  // in characters
  bool exists;   // false where it begins past its end: not even an empty text is found there
};

Window window_of(const Value& self, const Parameters& given) {
  const std::string_view text = self.text().bytes;
  const auto length = static_cast<int64_t>(self.text().length);
  const auto bound = [&](size_t i, int64_t missing) {
    if (!given.given(i) || given[i].is_none()) return missing;
    const int64_t place = given.whole(i, missing);
    return place < 0 ? std::max<int64_t>(place + length, 0) : place;
  };
  const int64_t begin = bound(1, 0), end = std::min(bound(2, length), length);
  work_on_bytes(4 * text.size());
  if (begin > end) return {{}, 0, false};
  const size_t from = byte_of_character(text, static_cast<size_t>(begin));
  const size_t size = byte_of_character(text.substr(from), static_cast<size_t>(end - begin));
  return {text.substr(from, size), static_cast<size_t>(begin), true};
}

template <bool last, bool must>
Value find(const Value& self, Machine&, const Arguments& arguments) {
  const Parameters given(must ? "index" : "find", arguments, {"", "", ""}, 1);
  const std::string& part = given.text(0);
  const Window window = window_of(self, given);
  const size_t at = !window.exists ? std::string_view::npos
                    : last         ? find_last_text(window.text, part)
                                   : find_text(window.text, part);
  if (at != std::string_view::npos)
    return Value(static_cast<int64_t>(window.first + count_characters(window.text.substr(0, at))));
  if (must) throw Fault("substring not found");
  return Value(int64_t{-1});
}

Value count_in_text(const Value& self, Machine&, const Arguments& arguments) {
  const Parameters given("count", arguments, {"", "", ""}, 1);
  const std::string& part = given.text(0);
  const Window window = window_of(self, given);
  if (!window.exists) return Value(int64_t{0});
  if (part.empty()) return Value(static_cast<int64_t>(count_characters(window.text)) + 1);
  int64_t found = 0;
  for (size_t at = 0; (at = find_text(window.text, part, at)) != std::string_view::npos; at += part.size()) ++found;
  return Value(found);
}

template <bool end>
Value begins(const Value& self, Machine&, const Arguments& arguments) {
  const Parameters given(end ? "endswith" : "startswith", arguments, {"", "", ""}, 1);
  const Window window = window_of(self, given);
  const auto fits = [&](const std::string& part) {
    return window.exists && (end ? window.text.ends_with(part) : window.text.starts_with(part));
  };
  const bool tuple = given[0].is(Value::Kind::sequence) && given[0].sequence().form != Sequence::Form::list;
  if (!tuple) return Value(fits(given.text(0)));
  for (const Value& part : given[0].sequence().items) {
    work(1);
    if (!part.is_text()) throw Fault(fmt::format("tuple must only contain str, not {}", part.type_name()));
    if (fits(part.text().bytes)) return Value(true);
  }
  return Value(false);
}

// Parts are many and small: room for their values is asked for as they are found.
void expect_room_for(size_t parts) {
  if (parts % 1024 == 0) expect_room(static_cast<int64_t>(parts * 4 * sizeof(Value)));
}

// The stretches between white space; `most` cuts, the rest stays whole.
std::vector<std::string_view> words_of(std::string_view text, int64_t most, bool from_end) {
  work_on_characters(text.size());
  std::vector<std::string_view> words;
  std::string_view rest = stripped(text, nullptr, !from_end, from_end);
  while (!rest.empty()) {
    if (most-- == 0) {
      words.push_back(rest);
      break;
    }
    size_t begin = from_end ? rest.size() : 0, end = rest.size();
    const auto space = [&](size_t at) { return is_space(character_at(rest, at)); };
    if (from_end)
      while (begin > 0 && !space(character_before(rest, begin))) begin = character_before(rest, begin);
    else
      for (end = 0; end < rest.size() && !space(end);) end += bytes_of_character(rest, end);
    words.push_back(rest.substr(begin, end - begin));
    expect_room_for(words.size());
    rest = from_end ? stripped(rest.substr(0, begin), nullptr, false, true)
                    : stripped(rest.substr(end), nullptr, true, false);
  }
  if (from_end) std::reverse(words.begin(), words.end());
  return words;
}

std::vector<std::string_view> pieces_of(std::string_view text, std::string_view separator, int64_t most,
                                        bool from_end) {
  if (separator.empty()) throw Fault("empty separator");
  std::vector<std::string_view> pieces;
  std::vector<size_t> places;
  if (from_end) {
    // Cuts are looked for from the end; overlapping ones differ from those found from the beginning.
    const std::string backward(text.rbegin(), text.rend()), wanted(separator.rbegin(), separator.rend());
    for (size_t at = 0; most-- != 0 && (at = find_text(backward, wanted, at)) != std::string_view::npos;
         at += wanted.size()) {
      places.push_back(text.size() - at - separator.size());
      expect_room_for(places.size());
    }
    std::reverse(places.begin(), places.end());
  } else {
    for (size_t at = 0; most-- != 0 && (at = find_text(text, separator, at)) != std::string_view::npos;
         at += separator.size()) {
      places.push_back(at);
      expect_room_for(places.size());
    }
  }
  size_t begin = 0;
  for (const size_t place : places) {
    pieces.push_back(text.substr(begin, place - begin));
    begin = place + separator.size();
  }
  pieces.push_back(text.substr(begin));
  return pieces;
}

template <bool from_end>
Value split(const Value& self, Machine&, const Arguments& arguments) {
  const Parameters given(from_end ? "rsplit" : "split", arguments, {"sep", "maxsplit"});
  const int64_t most = given.whole(1, -1);
  const std::string_view text = self.text().bytes;
  work_on_bytes(text.size());
  std::vector<Value> items;
  const auto parts =
      given[0].is_none() ? words_of(text, most, from_end) : pieces_of(text, given.text(0), most, from_end);
  for (const std::string_view part : parts) items.push_back(part_of(self, part));
  return make_list(std::move(items));
}

Value splitlines(const Value& self, Machine&, const Arguments& arguments) {
  const Parameters given("splitlines", arguments, {"keepends"});
  std::vector<Value> items;
  for (const std::string_view line : lines_of(self.text().bytes, given.whole(0, 0) != 0))
    items.push_back(part_of(self, line));
  return make_list(std::move(items));
}

template <bool last>
Value partition(const Value& self, Machine&, const Arguments& arguments) {
  const Parameters given("partition", arguments, {""}, 1);
  const std::string& separator = given.text(0);
  if (separator.empty()) throw Fault("empty separator");
  const std::string_view text = self.text().bytes;
  work_on_bytes(text.size());
  const size_t at = last ? find_last_text(text, separator) : find_text(text, separator);
  if (at == std::string_view::npos)
    return last ? make_tuple({part_of(self, ""), part_of(self, ""), self})
                : make_tuple({self, part_of(self, ""), part_of(self, "")});
  return make_tuple(
      {part_of(self, text.substr(0, at)), part_of(self, separator), part_of(self, text.substr(at + separator.size()))});
}

}  // namespace

const MethodTable& text_search_methods() {
  static const MethodTable table = {
      {"find", find<false, false>}, {"rfind", find<true, false>},    {"index", find<false, true>},
      {"rindex", find<true, true>}, {"count", count_in_text},        {"startswith", begins<false>},
      {"endswith", begins<true>},   {"split", split<false>},         {"rsplit", split<true>},
      {"splitlines", splitlines},   {"partition", partition<false>}, {"rpartition", partition<true>},
  };
  return table;
}

}  // namespace stemma::jinja
