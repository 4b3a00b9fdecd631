#include "runtime/template/template.h"

#include <fmt/format.h>

#include <algorithm>
#include <new>
#include <nlohmann/json.hpp>

#include "runtime/error.h"
#include "runtime/template/machine/machine.h"
#include "runtime/template/syntax/lexer.h"
#include "runtime/template/syntax/parser.h"
#include "runtime/template/values/characters.h"
#include "runtime/template/values/json.h"

namespace stemma {

namespace {

constexpr size_t largest_template = 4'000'000, longest_sentence = 600;

// What is told of a template may quote it, so it is made one short line.
std::string one_line(std::string text) {
  if (text.size() > longest_sentence) text = text.substr(0, jinja::whole_characters(text, longest_sentence)) + "...";
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = ' ';
  return text;
}

}  // namespace

struct Template::Parsed {
  jinja::Tree tree;
};

Template::Template(std::string_view text, std::string name) : text_(text), name_(std::move(name)) {
  if (text.size() > largest_template)
    throw Error(ErrorCode::bad_file, fmt::format("{}: a chat template of {} bytes is more than the {} allowed", name_,
                                                 text.size(), largest_template));
  try {
    parsed_ = std::make_unique<const Parsed>(Parsed{jinja::parse(text_)});
  } catch (const jinja::SyntaxFault& fault) {
    throw Error(ErrorCode::bad_file,
                fmt::format("{}:{}: not a chat template: {}", name_, fault.line, one_line(fault.what())));
  }
}

Template::~Template() = default;
Template::Template(Template&&) noexcept = default;
Template& Template::operator=(Template&&) noexcept = default;

bool Template::reads(std::string_view variable) const {
  const auto& names = parsed_->tree.names;
  return std::find(names.begin(), names.end(), variable) != names.end();
}

std::string Template::render(const nlohmann::ordered_json& variables, const TemplateLimits& limits, Time now) const {
  jinja::Meter meter(limits);
  int line = 1;
  try {
    jinja::Machine::Context context;
    for (const std::string& name : parsed_->tree.names) {
      const auto given = variables.find(name);
      const auto& makers = jinja::global_makers();
      const auto maker = makers.find(name);
      context.push_back(given != variables.end() ? jinja::from_json(*given)
                        : maker != makers.end()  ? maker->second()
                                                 : jinja::Value());
    }
    jinja::Machine machine(parsed_->tree, std::move(context), meter, limits, now);
    try {
      return machine.run();
    } catch (const jinja::Fault&) {
      line = machine.line();
      throw;
    }
  } catch (const jinja::Stop& stop) {
    throw Error(ErrorCode::bad_file, fmt::format("{}:{}: the chat template {}", name_, line, one_line(stop.what())));
  } catch (const jinja::Fault& fault) {
    throw Error(ErrorCode::bad_file,
                fmt::format("{}:{}: the chat template fails: {}", name_, line, one_line(fault.what())));
  } catch (const std::bad_alloc&) {
    throw Error(ErrorCode::does_not_fit,
                fmt::format("{}:{}: the chat template needs more memory than there is", name_, line));
  }
}

}  // namespace stemma
