// Jinja as transformers renders chat templates with it: Jinja2's language, its sandbox that changes nothing,
// trim_blocks and lstrip_blocks, break and continue, {% generation %}, raise_exception and strftime_now.
//
// There is nothing to break out of: values are numbers, texts, lists and dicts, what can be reached of them is a fixed
// list, no file and no network is known, and TemplateLimits end what would not end by itself.
#pragma once

#include <chrono>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "runtime/template/limits.h"

namespace stemma {

class Template {
 public:
  using Time = std::chrono::system_clock::time_point;

  // `name` is for messages. Throws Error naming the line where the text is not a template.
  Template(std::string_view text, std::string name);
  ~Template();
  Template(Template&&) noexcept;
  Template& operator=(Template&&) noexcept;

  // `variables` is an object. Throws Error: what the template asks for is not there or does not fit, it refuses by
  // raise_exception, or it was stopped at a limit. Safe to call from several threads.
  std::string render(const nlohmann::ordered_json& variables, const TemplateLimits& limits = {},
                     Time now = std::chrono::system_clock::now()) const;

  const std::string& text() const { return text_; }
  const std::string& name() const { return name_; }
  bool reads(std::string_view variable) const;  // whether it names the variable anywhere

 private:
  struct Parsed;
  std::string text_, name_;
  std::unique_ptr<const Parsed> parsed_;
};

}  // namespace stemma
