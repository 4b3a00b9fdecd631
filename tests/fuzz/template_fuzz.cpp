// Input: a chat template; a line of "====" may divide it from the variables, a JSON object.
#include <nlohmann/json.hpp>
#include <string_view>

#include "runtime/error.h"
#include "runtime/template/template.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace stemma;
  constexpr std::string_view divider = "\n====\n";
  static const auto usual = nlohmann::ordered_json::parse(
      R"({"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": " Grüße \n"},
          {"role": "assistant", "content": "<think>a</think>b", "tool_calls": [{"function": {"name": "f", "arguments": {"x": 1.5}}}]}],
          "tools": [{"name": "f", "n": 3, "none": null}], "bos_token": "<s>", "eos_token": "</s>", "add_generation_prompt": true})");
  const std::string_view whole(reinterpret_cast<const char*>(data), size);
  const size_t at = whole.find(divider);
  TemplateLimits limits;
  limits.steps = 200'000;
  limits.bytes = 20'000'000;
  try {
    nlohmann::ordered_json variables = usual;
    if (at != std::string_view::npos) {
      variables = nlohmann::ordered_json::parse(whole.substr(at + divider.size()), nullptr, false);
      if (!variables.is_object()) variables = usual;
    }
    const Template one(whole.substr(0, at), "template");
    const std::string text = one.render(variables, limits, Template::Time());
    if (text.size() > static_cast<size_t>(limits.bytes)) __builtin_trap();
  } catch (const Error& error) {
    if (std::string_view(error.what()).empty()) __builtin_trap();
  }
  return 0;
}
