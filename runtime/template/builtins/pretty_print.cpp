// The filter pprint: a value over several lines of 80 characters, as Python's pprint lays it out.
#include <fmt/format.h>

#include <algorithm>

#include "runtime/template/builtins/registry.h"
#include "runtime/template/machine/parameters.h"
#include "runtime/template/values/characters.h"
#include "runtime/template/values/object.h"
#include "runtime/template/values/operators.h"
#include "runtime/template/values/print.h"

namespace stemma::jinja {

namespace {

using Kind = Value::Kind;

constexpr int64_t page = 80;

// Keys that cannot be compared go by their types.
bool sorts_before(const Value& left, const Value& right) {
  try {
    return less(left, right);
  } catch (const Stop&) {
    throw;
  } catch (const Fault&) {
    return std::string_view(left.type_name()) < right.type_name();
  }
}

// Dicts by their keys, all the way down.
Value sorted(const Value& value) {
  work(1);
  if (value.is(Kind::sequence)) {
    std::vector<Value> items;
    for (const Value& item : value.sequence().items) items.push_back(sorted(item));
    return value.sequence().form == Sequence::Form::list ? make_list(std::move(items)) : make_tuple(std::move(items));
  }
  if (!value.is(Kind::dict)) return value;
  std::vector<Dict::Entry> entries = value.dict().entries();
  std::stable_sort(entries.begin(), entries.end(),
                   [](const auto& a, const auto& b) { return sorts_before(a.first, b.first); });
  auto dict = std::make_shared<Dict>();
  for (const auto& [key, item] : entries) dict->set(key, sorted(item));
  return Value(std::shared_ptr<const Dict>(dict));
}

int64_t width_of(std::string_view text) { return static_cast<int64_t>(count_characters(text)); }

class Printer {
 public:
  // `allowance`: characters that follow on the last line.
  void print(const Value& value, int64_t indent, int64_t allowance, int level) {
    const std::string whole = representation(value);
    const bool fits = width_of(whole) <= page - indent - allowance;
    if (!fits && value.is(Kind::dict)) return print_dict(value.dict(), indent, allowance, level + 1);
    if (!fits && value.is(Kind::sequence)) return print_sequence(value.sequence(), indent, allowance, level + 1);
    if (!fits && value.is_text() && !value.text().markup)
      return print_text(value.text().bytes, indent, allowance, level + 1);
    made_.add(whole);
  }
  std::string take() { return made_.take(); }

 private:
  void new_line(int64_t indent) {
    made_.add("\n");
    made_.add(static_cast<size_t>(indent), ' ');
  }

  void print_dict(const Dict& dict, int64_t indent, int64_t allowance, int level) {
    made_.add("{");
    for (size_t i = 0; i < dict.entries().size(); ++i) {
      const auto& [key, value] = dict.entries()[i];
      const std::string name = representation(key);
      const bool last = i + 1 == dict.entries().size();
      made_.add(name);
      made_.add(": ");
      print(value, indent + 1 + width_of(name) + 2, last ? allowance + 1 : 1, level);
      if (last) continue;
      made_.add(",");
      new_line(indent + 1);
    }
    made_.add("}");
  }

  void print_sequence(const Sequence& sequence, int64_t indent, int64_t allowance, int level) {
    const bool list = sequence.form == Sequence::Form::list, single = !list && sequence.items.size() == 1;
    made_.add(list ? "[" : "(");
    for (size_t i = 0; i < sequence.items.size(); ++i) {
      const bool last = i + 1 == sequence.items.size();
      print(sequence.items[i], indent + 1, last ? allowance + (single ? 2 : 1) : 1, level);
      if (last) continue;
      made_.add(",");
      new_line(indent + 1);
    }
    made_.add(list ? "]" : single ? ",)" : ")");
  }

  // Several texts one beneath the other: lines, and where they are long, words.
  void print_text(const std::string& text, int64_t indent, int64_t allowance, int level) {
    if (level == 1) {
      ++indent;
      ++allowance;
    }
    std::vector<std::string> chunks;
    const auto lines = lines_of(text, true);
    for (size_t i = 0; i < lines.size(); ++i) {
      const bool last = i + 1 == lines.size();
      const std::string whole = quoted(lines[i]);
      if (width_of(whole) <= page - indent - (last ? allowance : 0))
        chunks.push_back(whole);
      else
        add_words(lines[i], page - indent, last ? allowance : 0, chunks);
    }
    if (chunks.size() == 1) return made_.add(chunks[0]);
    if (level == 1) made_.add("(");
    for (size_t i = 0; i < chunks.size(); ++i) {
      if (i) new_line(indent);
      made_.add(chunks[i]);
    }
    if (level == 1) made_.add(")");
  }

  static void add_words(std::string_view line, int64_t width, int64_t allowance, std::vector<std::string>& chunks) {
    size_t begin = 0, end = 0;
    while (end < line.size()) {
      size_t next = end;
      const auto pass = [&](bool space) {
        while (next < line.size() && is_space(character_at(line, next)) == space)
          next += bytes_of_character(line, next);
      };
      pass(false);
      pass(true);
      const int64_t room = width - (next == line.size() ? allowance : 0);
      if (end > begin && width_of(quoted(line.substr(begin, next - begin))) > room) {
        chunks.push_back(quoted(line.substr(begin, end - begin)));
        begin = end;
      }
      end = next;
    }
    if (end > begin) chunks.push_back(quoted(line.substr(begin)));
  }

  Builder made_;
};

Value pprint(Machine&, const Value& input, const Arguments& arguments) {
  const Parameters none("pprint", arguments, {});
  Printer printer;
  printer.print(sorted(input), 0, 0, 0);
  return make_text(printer.take());
}

}  // namespace

const FilterTable& printing_filters() {
  static const FilterTable table = {{"pprint", pprint}};
  return table;
}

}  // namespace stemma::jinja
