// The functions that every template can call.
#include <fmt/format.h>

#include <algorithm>
#include <ctime>

#include "runtime/template/builtins/methods.h"
#include "runtime/template/machine/machine.h"
#include "runtime/template/machine/parameters.h"
#include "runtime/template/values/operators.h"

namespace stemma::jinja {

namespace {

using Kind = Value::Kind;

// dict() of a mapping or of pairs, and of keyword arguments.
Value dict_of(const Arguments& arguments) {
  if (arguments.positional.size() > 1) throw Fault("dict expected at most 1 argument");
  auto dict = std::make_shared<Dict>();
  if (!arguments.positional.empty()) {
    const Value& source = arguments.positional[0];
    if (source.is_undefined()) throw Fault(source.why_undefined());
    if (source.is(Kind::dict)) {
      for (const auto& [key, value] : source.dict().entries()) dict->set(key, value);
    } else {
      Cursor cursor = items_of(source);
      for (Value next; cursor(next);) {
        const std::vector<Value> pair = list_of(next);
        if (pair.size() != 2) throw Fault("dict() wants pairs of a key and a value");
        dict->set(pair[0], pair[1]);
      }
    }
  }
  for (const auto& [name, value] : arguments.named) dict->set(make_text(name), value);
  return Value(std::shared_ptr<const Dict>(dict));
}

class DictMaker : public Object {
 public:
  DictMaker() : Object(1) {}
  const char* type() const override { return "TemplateDict"; }
  bool callable() const override { return true; }
  Value call(Machine&, Arguments& arguments) override { return dict_of(arguments); }
  std::optional<Value> attribute(std::string_view name) override {
    if (name != "fromkeys") return std::nullopt;
    return method_of(Value(std::shared_ptr<const Dict>(std::make_shared<Dict>())), name);
  }
};

class Cycler : public Object {
 public:
  explicit Cycler(const Arguments& arguments) : Object(deeper(arguments.depth())), items_(arguments.positional) {
    if (items_.empty()) throw Fault("at least one item has to be provided");
  }
  const char* type() const override { return "Cycler"; }
  std::optional<Value> attribute(std::string_view name) override {
    if (name == "current") return items_[place_];
    if (name == "pos") return Value(static_cast<int64_t>(place_));
    if (name != "next" && name != "reset") return std::nullopt;
    const Value self(shared_from_this());
    return make_function(
        std::string(name),
        [self, this, steps = name == "next"](Machine&, Arguments&) -> Value {
          const Value now = items_[place_];
          place_ = steps ? (place_ + 1) % items_.size() : 0;
          return steps ? now : Value(None{});
        },
        depth());
  }

 private:
  std::vector<Value> items_;
  size_t place_ = 0;
};

Value range(Machine&, Arguments& arguments) {
  const Parameters given("range", arguments, {"", "", ""}, 1);
  const bool one = !given.given(1);
  return Value(std::shared_ptr<Object>(
      std::make_shared<Range>(one ? 0 : given.whole(0, 0), given.whole(one ? 0 : 1, 0), given.whole(2, 1))));
}

Value space(Machine&, Arguments& arguments) {
  return Value(std::static_pointer_cast<Object>(std::make_shared<Namespace>(dict_of(arguments))));
}

Value cycler(Machine&, Arguments& arguments) {
  return Value(std::shared_ptr<Object>(std::make_shared<Cycler>(arguments)));
}

Value joiner(Machine&, Arguments& arguments) {
  const Parameters given("joiner", arguments, {"sep"});
  const Value between = given.given(0) ? given[0] : make_text(", ");
  return make_function(
      "joiner",
      [between, used = false](Machine&, Arguments&) mutable {
        return std::exchange(used, true) ? between : make_text("");
      },
      between.depth());
}

Value raise_exception(Machine&, Arguments& arguments) {
  const Parameters given("raise_exception", arguments, {"message"}, 1);
  throw Stop("refuses this conversation: " + printed(given[0]));
}

// As datetime.now().strftime(): local time without a zone, in the C locale.
Value strftime_now(Machine& machine, Arguments& arguments) {
  const Parameters given("strftime_now", arguments, {"format"}, 1);
  const std::string& wanted = given.text(0);
  if (wanted.size() > 1000) throw Fault("strftime_now() is given a format of more than 1000 bytes");
  const std::time_t seconds = std::chrono::system_clock::to_time_t(machine.now());
  const auto parts =
      std::chrono::duration_cast<std::chrono::microseconds>(machine.now().time_since_epoch()).count() % 1'000'000;
  std::string format;
  for (size_t i = 0; i < wanted.size(); ++i) {
    const char next = wanted[i] == '%' && i + 1 < wanted.size() ? wanted[i + 1] : '\0';
    if (next == 'f')
      format += fmt::format("{:06}", parts);
    else if (next != 'z' && next != 'Z')
      format += wanted.substr(i, next ? 2 : 1);
    if (next) ++i;
  }
  std::tm local{};
  localtime_r(&seconds, &local);
  static const locale_t plain = newlocale(LC_ALL_MASK, "C", nullptr);
  std::string text(format.size() * 64 + 1, '\0');
  text.resize(strftime_l(text.data(), text.size(), format.c_str(), &local, plain));
  return make_text(std::move(text));
}

template <Value (*body)(Machine&, Arguments&)>
Value function() {
  return make_function("function", body);
}

Value lipsum(Machine&, Arguments&) {
  throw Stop("calls lipsum(), whose text is drawn by chance; it is not supported here");
}

}  // namespace

const std::map<std::string, Value (*)(), std::less<>>& global_makers() {
  static const std::map<std::string, Value (*)(), std::less<>> makers = {
      {"range", function<range>},
      {"dict", [] { return Value(std::shared_ptr<Object>(std::make_shared<DictMaker>())); }},
      {"namespace", function<space>},
      {"cycler", function<cycler>},
      {"joiner", function<joiner>},
      {"lipsum", function<lipsum>},
      {"raise_exception", function<raise_exception>},
      {"strftime_now", function<strftime_now>},
  };
  return makers;
}

}  // namespace stemma::jinja
